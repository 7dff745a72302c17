"""Measures what a launcher costs a step: the same run by it and as a process of this machine, in turn.

    python benchmarks/launchers.py ray [--pairs N] [--epochs N] [--model M]

Printed are the seconds of a step in the fastest tenth of the epochs, which other programs have disturbed least, and the
seconds from the start to the first step.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle import start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.reading.reader import RunReader


def measured(request: RunRequest, catalog: Any) -> tuple[float, float]:
    """Seconds of a step, and seconds until the first step."""
    began = time.time()
    run = create_run(request, catalog)
    pid = start.spawn_worker(run)
    reader = RunReader(run)
    first = 0.0
    while not (reader.refresh(), reader.history.ended)[1]:
        first = first or (reader.history.step > 0) * (time.time() - began)
        time.sleep(0.1)
    if pid:
        os.waitpid(pid, 0)
    attempt, epochs = reader.history.attempt, reader.history.epochs
    assert attempt is not None
    seconds = sorted(epoch.seconds for epoch in epochs.values())
    least = statistics.mean(seconds[: max(len(seconds) // 10, 1)]) / attempt.steps_per_epoch
    return least, first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("launcher")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--model", default="cnn-small-torch")
    asked = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {"local": [], asked.launcher: []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(DLTUI_HOME=f"{folder}/home", OMP_NUM_THREADS="1")
        catalog = load_catalog()
        for pair in range(asked.pairs):
            for launcher in found:
                request = RunRequest(
                    asked.model,
                    "digits",
                    device="cpu",
                    config={"epochs": asked.epochs, "threads": 1, "batch_size": 64},
                    name=f"{launcher}-{pair}",
                    exports=str(Path(folder) / "exports"),
                    formats=("none",),
                    launcher=launcher,
                )
                found[launcher].append(measured(request, catalog))
                step, first = found[launcher][-1]
                print(f"{launcher}: {1000 * step:.3f} ms a step, begins after {first:.1f} s", flush=True)
    local, other = (min(step for step, _ in found[name]) for name in found)
    print(f"{asked.launcher} costs {other / local - 1:+.1%} of a step (the least of {asked.pairs} each)")


if __name__ == "__main__":
    main()
