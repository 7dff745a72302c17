"""What pretrained weights are worth on a folder of photos: fine-tuned against trained from scratch. CPU.

    python benchmarks/fine_tuning.py FOLDER [--model timm:tf_efficientnet_lite0] [--seeds 0 1 2] [--json FILE]
                                      [--keep DIR]

FOLDER holds `train` and `test`, each with a folder of images a class. Two runs a seed, one after the other: `dltui
train MODEL --dataset folder:FOLDER` with nothing but its defaults, and the same with `--no-pretrained`. The library's
weights have to be in its own cache, or are downloaded. Told are the accuracy on the test part, the best epoch and the
time of each run; then by how many points the first is better. Exit code 1 if these are fewer than 10.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

WANTED = 10.0
"""Points of test accuracy by which the mean of the fine-tuned runs is to be better."""
WAYS = {"fine-tuned": (), "from scratch": ("--no-pretrained",)}


@dataclass(frozen=True)
class Row:
    """What came of a run."""

    way: str
    seed: int
    accuracy: float
    best_epoch: int
    epochs: int
    batch_size: int
    seconds: float


def train(way: str, seed: int, asked: argparse.Namespace, folder: Path) -> Row:
    """Train a run to its end. Raises SystemExit where it fails."""
    # A folder of its own: one that is kept has the figures of earlier calls.
    folder.mkdir(parents=True, exist_ok=True)
    exports = Path(tempfile.mkdtemp(prefix=f"{way.replace(' ', '-')}-{seed}-", dir=folder))
    words = [asked.model, "--dataset", f"folder:{asked.folder.resolve()}", "--device", "cpu", "--exports", str(exports)]
    seeded = ["--seed", str(seed)] if seed else []
    command = [sys.executable, "-m", "dltui", "train", *words, "--plain", *WAYS[way], *seeded]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "DLTUI_HOME": f"{folder}/home"})
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    (path,) = exports.glob("*/summary.json")
    found = json.loads(path.read_text())
    config = found["config"]
    best = int(found["best_epoch"])
    return Row(way, seed, found["test_accuracy"], best, config["epochs"], config["batch_size"], seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="timm:tf_efficientnet_lite0")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the runs and their figures here")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        for seed in asked.seeds:
            for way in WAYS:
                row = train(way, seed, asked, asked.keep or Path(temporary))
                rows.append(row)
                told = f"best epoch {row.best_epoch} of {row.epochs}, batch size {row.batch_size}, {row.seconds:.0f} s"
                print(f"{row.way:<12} seed {row.seed}: {100 * row.accuracy:.1f} % on the test part; {told}", flush=True)
    tuned, scratch = (statistics.mean(row.accuracy for row in rows if row.way == way) for way in WAYS)
    points = 100 * (tuned - scratch)
    print(f"fine-tuned {100 * tuned:.1f} %, from scratch {100 * scratch:.1f} %: {points:+.1f} points")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return int(points < WANTED)


if __name__ == "__main__":
    sys.exit(main())
