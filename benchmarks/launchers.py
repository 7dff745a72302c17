"""Measures what a launcher costs a step: two equal runs, one by it and one as a process of this machine, take turns of
some seconds while the other is paused. In the turns of the local run the launcher's own processes stand still.

    python benchmarks/launchers.py ray [--turns N] [--seconds N] [--threads N] [--model M]

Printed are the seconds until each begins, those of a step in each turn, the processor time of a step, which other
programs disturb less, and the processors that the launcher's own processes keep busy meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle import kill, start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import commands, launch

SETTLE = 0.6


class Run:
    """A run that trains in its turns alone."""

    def __init__(self, launcher: str, asked: argparse.Namespace, folder: str, catalog: Any) -> None:
        config = {"epochs": 10_000, "threads": asked.threads, "batch_size": 16, "checkpoint_seconds": 3600}
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
        first, began, before = self._now()
        time.sleep(seconds)
        last, ended, after = self._now()
        self.order("pause")
        self.turns.append((ended - began) / (last - first))
        self.processor.append((after - before) / (last - first))

    def _now(self) -> tuple[int, float, float]:
        """The step of its worker's next heartbeat, the time of that, and the processor time until then, in seconds."""
        known = self.reader.live()
        while (live := self.reader.live()) is None or known is None or live.time == known.time:
            time.sleep(0.005)
        return live.step, live.time, float(sum(psutil.Process(live.pid).cpu_times()[:2]))


def own_processes(run: Run) -> list[psutil.Process]:
    """What the launcher has started on this machine, without the run's worker."""
    record, live = launch.read(run.run.path), run.reader.live()
    if record is None or live is None or "pid" not in record.job:
        return []
    with contextlib.suppress(psutil.NoSuchProcess):
        driver = psutil.Process(int(record.job["pid"]))
        return [one for one in (driver, *driver.children(recursive=True)) if one.pid != live.pid]
    return []


def own_seconds(run: Run) -> float:
    """The processor time so far of what the launcher has started, without the run's worker."""
    found = 0.0
    for one in own_processes(run):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += sum(one.cpu_times()[:2])
    return found


@contextlib.contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """Let them stand still meanwhile."""
    try:
        for one in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGSTOP)
        yield
    finally:
        for one in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGCONT)


def take_turns(local: Run, launched: Run, asked: argparse.Namespace) -> float:
    """Let both train in their turns. Returns the processors that the launcher's own processes keep busy in its own."""
    busy, took = 0.0, 0.0
    for number in range(asked.turns):
        for one in (local, launched) if number % 2 else (launched, local):
            if one is local:
                with stopped(own_processes(launched)):
                    one.turn(asked.seconds)
                continue
            before, began = own_seconds(launched), time.monotonic()
            one.turn(asked.seconds)
            busy, took = busy + own_seconds(launched) - before, took + time.monotonic() - began
    return busy / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("launcher")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="cnn-small-torch")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.update(DLTUI_HOME=f"{folder}/home", OMP_NUM_THREADS="1")
        catalog = load_catalog()
        runs = [Run(name, asked, folder, catalog) for name in ("local", asked.launcher)]
        for one in runs:
            print(f"{one.run.id}: begins after {one.begun:.1f} s", flush=True)
        busy = take_turns(*runs, asked)
        for one in runs:
            told = ", ".join(f"{1000 * seconds:.1f}" for seconds in one.turns)
            print(f"{one.run.id}: {1000 * statistics.median(one.turns):.2f} ms a step in the median; {told}")
            print(f"{one.run.id}: {1000 * statistics.median(one.processor):.2f} ms of a processor a step in the median")
            kill.kill(one.reader)
        for what, times in (("a step", "turns"), ("the processor time of a step", "processor")):
            ratios = [other / one for one, other in zip(*(getattr(run, times) for run in runs), strict=True)]
            error = statistics.stdev(ratios) / len(ratios) ** 0.5
            print(
                f"{asked.launcher}: {statistics.median(ratios) - 1:+.1%} of {what} in the median of {len(ratios)} pairs"
            )
            print(f"    {statistics.mean(ratios) - 1:+.1%} in the mean, whose standard error is {error:.1%}")
        print(f"its own processes keep {busy:.3f} processors busy")
        time.sleep(5)


if __name__ == "__main__":
    main()
