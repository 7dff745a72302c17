"""Measures what a launcher costs a step: two equal runs, one by it and one as a process of this machine, take turns of
some seconds while the other is paused.

    python benchmarks/launchers.py ray [--turns N] [--seconds N] [--model M]

Printed are the seconds until each begins, those of a step in each turn, the processor time of a step, which other
programs disturb less, and the processors that the launcher's own processes keep busy meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle import kill, start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import commands, launch

SETTLE = 1.0


class Run:
    """A run that trains in its turns alone."""

    def __init__(self, launcher: str, asked: argparse.Namespace, folder: str, catalog: Any) -> None:
        config = {"epochs": 10_000, "threads": 1, "batch_size": 64, "checkpoint_seconds": 3600}
        request = RunRequest(
            asked.model,
            "digits",
            device="cpu",
            config=config,
            name=launcher,
            exports=str(Path(folder) / "exports"),
            formats=("none",),
            launcher=launcher,
        )
        began = time.monotonic()
        self.run = create_run(request, catalog)
        start.spawn_worker(self.run)
        self.reader = RunReader(self.run)
        while not self._step():
            time.sleep(0.05)
        self.order("pause")
        self.begun = time.monotonic() - began
        self.turns: list[float] = []
        self.processor: list[float] = []

    def _step(self) -> int:
        live = self.reader.live()
        return live.step if live else 0

    def order(self, action: str) -> None:
        commands.send(self.run.path, action, {})
        time.sleep(SETTLE)

    def turn(self, seconds: float) -> None:
        """Train for so long, and note the seconds of a step."""
        self.order("resume")
        first, began, busy = self._step(), time.monotonic(), self._busy()
        time.sleep(seconds)
        steps, took, busy = self._step() - first, time.monotonic() - began, self._busy() - busy
        self.order("pause")
        self.turns.append(took / max(steps, 1))
        self.processor.append(busy / max(steps, 1))

    def _busy(self) -> float:
        """The seconds of processor time of its worker so far."""
        live = self.reader.live()
        return float(sum(psutil.Process(live.pid).cpu_times()[:2])) if live else 0.0


def own_seconds(run: Run) -> float:
    """The processor time so far of what the launcher has started, without the run's worker."""
    record, live = launch.read(run.run.path), run.reader.live()
    found = 0.0
    if record is not None and live is not None and "pid" in record.job:
        with contextlib.suppress(psutil.NoSuchProcess):
            driver = psutil.Process(int(record.job["pid"]))
            for one in (driver, *driver.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += sum(one.cpu_times()[:2]) * (one.pid != live.pid)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("launcher")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--model", default="cnn-small-torch")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.update(DLTUI_HOME=f"{folder}/home", OMP_NUM_THREADS="1")
        catalog = load_catalog()
        runs = [Run(name, asked, folder, catalog) for name in ("local", asked.launcher)]
        for one in runs:
            print(f"{one.run.id}: begins after {one.begun:.1f} s", flush=True)
        before, began = own_seconds(runs[1]), time.monotonic()
        for number in range(asked.turns):
            for one in runs if number % 2 else reversed(runs):
                one.turn(asked.seconds)
        busy = (own_seconds(runs[1]) - before) / (time.monotonic() - began)
        for one in runs:
            told = ", ".join(f"{1000 * seconds:.1f}" for seconds in one.turns)
            print(f"{one.run.id}: {1000 * statistics.median(one.turns):.2f} ms a step in the median; {told}")
            print(f"{one.run.id}: {1000 * statistics.median(one.processor):.2f} ms of a processor a step in the median")
            kill.kill(one.reader)
        ratios = [other / local for local, other in zip(*(one.turns for one in runs), strict=True)]
        print(f"{asked.launcher}: {statistics.median(ratios) - 1:+.1%} of a step in the median of {len(ratios)} pairs")
        print(f"its own processes keep {busy:.3f} processors busy")
        time.sleep(5)


if __name__ == "__main__":
    main()
