"""Kills of `dltui train --seeds`, and of the runs that it makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import read_live, read_starting
from tests.faults.around.kind import Kind, finished, over
from tests.faults.lab import result
from tests.faults.victim import Orders


class Series(Kind):
    """Runs of several seeds: the command that makes and starts them, any of them, or all at once."""

    name = "series"
    epochs = 3
    seeds = (1, 2, 3)

    def prepare(self) -> None:
        began = time.monotonic()
        if self.scene.wait(self._begin("whole")):
            raise SystemExit(f"no series: {self.scene.said()}")
        runs = self._runs("whole")
        self.scene.until(lambda: all(map(finished, runs)))
        self.scene.left()
        self.seconds = time.monotonic() - began
        self.expected = [result(run) for run in runs]

    def _begin(self, group: str, orders: Orders = Orders()) -> int:  # noqa: B008
        words = ["train", f"mlp-{self.scene.framework}", "--dataset", "digits", "--device", "cpu", "--threads", "1"]
        words += ["--epochs", str(self.epochs), "--checkpoint-seconds", "0.05", "--exports", str(self.scene.exports)]
        words += ["--name", group, "--seeds", ",".join(map(str, self.seeds)), "--detach"]
        return self.scene.command(*words, orders=orders)

    def _runs(self, group: str) -> list[RunDirectory]:
        return [self.scene.run(f"{group}-s{seed}") for seed in self.seeds]

    def live(self, wanted: int) -> None:
        group = f"g{self.table.runs}"
        runs = self._runs(group)
        self._kill_one(runs, partial(self._begin, group))
        self._look(runs)
        if self.table.kills < wanted and self.random.random() < 0.5 and any(run.path.exists() for run in runs):
            self._kill_one(runs, partial(self._resume, group))
            self._look(runs)
        begun = any(run.path.exists() for run in runs)
        if begun:
            self.table.resumes += 1
            if self.scene.wait(self._resume(group)):
                self.table.note("lost", f"resume {group}: {self.scene.said()[-300:]}")
        self.scene.until(lambda: all(over(run) for run in runs))
        self._look(runs)
        for run, expected in zip(runs, self.expected, strict=True):
            if begun:
                # Also those that the killed command had not made.
                reader = RunReader(run)
                reader.refresh()
                if reader.status().name != "finished":
                    self.table.note("lost", f"{run.id} is {reader.status()}: {run.worker_log.read_text()[-300:]}")
                self.compare(run, expected)
                self.forget(run)

    def _resume(self, group: str, orders: Orders = Orders()) -> int:  # noqa: B008
        return self.scene.command("resume", group, "--detach", orders=orders)

    def _kill_one(self, runs: Sequence[RunDirectory], begin: Callable[[Orders], int]) -> None:
        """Start them, and kill something."""
        target = self.random.choice(("command", "member", "all"))
        call = self.random.randrange(150) if target == "command" and self.random.random() < 0.5 else None
        pid = begin(Orders(call))
        if call is None:
            if target != "command":
                self.scene.wait(pid)
            self.scene.until(lambda: target == "command" and bool(self.scene.ended(pid)), self._moment(target))
            self.scene.kill([pid] if target == "command" else self._workers(runs, target))
        self.scene.wait(pid)
        self.table.kills += 1

    def _moment(self, target: str) -> float:
        return self.random.random() * (0.5 if target == "command" else self.seconds)

    def _workers(self, runs: Sequence[RunDirectory], target: str) -> list[int]:
        living = {one.pid for one in self.scene.processes()}
        pids = [pid for run in runs if (pid := _worker(run)) in living]
        return pids if target == "all" or not pids else [self.random.choice(pids)]

    def _look(self, runs: Sequence[RunDirectory]) -> None:
        """Those that were not killed go on by themselves."""
        self.scene.rest()
        for run in runs:
            self.look(run, 0)


def _worker(run: RunDirectory) -> int | None:
    found = read_starting(run.path) or read_live(run.path)
    return found.process.pid if found else None
