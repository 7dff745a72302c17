"""Measures what a launcher costs a step: two equal runs, one by it and one as a process of this machine, take turns of
a second while the other stands still (SIGSTOP). In the turns of the local run the launcher's own processes stand still.

    python -m benchmarks.launchers ray [--starts N] [--turns N] [--seconds N] [--threads N] [--model M]

Printed are the seconds until each begins, by how much a step is longer, as the median of all pairs of turns with its
95 % bootstrap interval and in the mean, the same of the processor time of a step, and the processors that the
launcher's own processes keep busy meanwhile. Where its arrays lie in memory makes a process some percent faster or
slower all the time, so both are started several times; `local` as the launcher shows how much that is. Pairs in one of
whose turns a hypervisor gave more than a hundredth of the cores to others are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.turns import MOST_STOLEN, interval, stolen
from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.lifecycle import kill, start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch


@dataclass(frozen=True)
class Turn:
    """The steps of a turn, the seconds that they took, those of a processor, and the part of the cores that went to
    others."""

    steps: int
    seconds: float
    processor: float
    stolen: float


class Run:
    """A run that trains in its turns alone."""

    def __init__(self, launcher: str, asked: argparse.Namespace, folder: str, catalog: Catalog) -> None:
        config = {"epochs": 10_000, "threads": asked.threads, "batch_size": 16, "checkpoint_seconds": 3600}
        request = RunRequest(
            asked.model,
            "digits",
            device="cpu",
            config=config,
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
        self.begun = time.monotonic() - began
        self.signal(signal.SIGSTOP)
        self.turns: list[Turn] = []

    def _step(self) -> int:
        live = self.reader.live()
        return live.step if live else 0

    def signal(self, number: int) -> None:
        live = self.reader.live()
        assert live is not None
        os.kill(live.pid, number)

    def turn(self, seconds: float) -> None:
        """Train for so long, and note the seconds of a step."""
        self.signal(signal.SIGCONT)
        taken = stolen()
        first, began, before = self._now()
        time.sleep(seconds)
        last, ended, after = self._now()
        part = (stolen() - taken) / (ended - began) / (os.cpu_count() or 1)
        self.signal(signal.SIGSTOP)
        self.turns.append(Turn(last - first, ended - began, after - before, part))

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


def report(pairs: Sequence[tuple[Turn, Turn]]) -> None:
    """By how much a step of the launcher's run is longer."""
    kept = [pair for pair in pairs if all(turn.stolen <= MOST_STOLEN for turn in pair)]
    print(f"{len(pairs) - len(kept)} of {len(pairs)} pairs left out: a hypervisor took cores away")
    for what, name in (("a step", "seconds"), ("the processor time of a step", "processor")):
        steps = [[getattr(turn, name) / turn.steps for turn in pair] for pair in kept]
        middle, low, high = interval([other / one for one, other in steps])
        one, other = (statistics.fmean(column) for column in zip(*steps, strict=True))
        print(f"{what}: {middle - 1:+.1%} [{low - 1:+.1%}, {high - 1:+.1%}] of {len(kept)} pairs; ", end="")
        print(f"in the mean {other / one - 1:+.1%}, {1000 * one:.2f} and {1000 * other:.2f} ms", flush=True)


def compete(asked: argparse.Namespace, catalog: Catalog, start: int) -> list[tuple[Turn, Turn]]:
    """All pairs of turns of two runs that are started now."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["DLTUI_HOME"] = f"{folder}/home"
        local, launched = (Run(name, asked, folder, catalog) for name in ("local", asked.launcher))
        print(f"start {start}: they begin after {local.begun:.1f} and {launched.begun:.1f} s", flush=True)
        busy = take_turns(local, launched, asked)
        for one in (local, launched):
            one.signal(signal.SIGCONT)
            kill.kill(one.reader)
        pairs = list(zip(local.turns, launched.turns, strict=True))
        report(pairs)
        print(f"its own processes keep {busy:.3f} processors busy", flush=True)
        time.sleep(5)
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("launcher")
    parser.add_argument("--starts", type=int, default=4)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="cnn-small-torch")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    catalog = load_catalog()
    pairs = [pair for number in range(asked.starts) for pair in compete(asked, catalog, number + 1)]
    print("of all starts:")
    report(pairs)


if __name__ == "__main__":
    main()
