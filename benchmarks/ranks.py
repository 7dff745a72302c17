"""What two ranks cost: their step beside that of one process with one thread on half of the batch, which computes the
same and meets nobody.

    python benchmarks/ranks.py [--model cnn-torch] [--dataset fashion-mnist] [--batch 128] [--epochs 3] [--count 3]

Both are whole runs by the command line; the medians of the microseconds of a step come from summary.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def step_micros(home: str, name: str, words: list[str]) -> float:
    """The microseconds of a step of a run."""
    command = [sys.executable, "-m", "dltui", "train", *words, "--name", name, "--plain", "--format", "none"]
    environment = {**os.environ, "DLTUI_HOME": home, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return float(json.loads((Path(home) / "exports" / name / "summary.json").read_text())["us_per_step"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cnn-torch")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--count", type=int, default=3)
    given = parser.parse_args()
    both = [given.model, "--dataset", given.dataset, "--epochs", str(given.epochs)]
    half = str(given.batch // 2)
    kinds = {
        "one process, one thread, half of the batch": ["--device", "cpu", "--threads", "1", "--batch-size", half],
        "one process, two threads": ["--device", "cpu", "--threads", "2", "--batch-size", str(given.batch)],
        "two ranks, one thread each": ["--device", "cpu:2", "--threads", "2", "--batch-size", str(given.batch)],
    }  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(given.count):
            for number, (name, words) in enumerate(kinds.items()):
                found[name].append(step_micros(home, f"r{turn}-{number}", both + words))
    least, *_, two = (statistics.median(each) for each in found.values())
    for name, each in found.items():
        print(f"{name:<44} {statistics.median(each):>8,.0f} us a step   {min(each):,.0f}-{max(each):,.0f}")
    print(f"communication, waiting and their own batch norm: {100 * (two - least) / two:.0f} % of a step of two ranks")


if __name__ == "__main__":
    main()
