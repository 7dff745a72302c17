"""Kills of `dltui fork` and of the worker that it starts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.errors import DltuiError
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.log import LogTail
from tests.faults.around.kind import Kind, over
from tests.faults.lab import result
from tests.faults.victim import Orders


class Fork(Kind):
    """`dltui fork` while it makes the fork and starts its worker, and that worker's first moments."""

    name = "fork"
    changes = ("--epochs", "8", "--lr", "0.01")

    def prepare(self) -> None:
        self.unharmed(Orders())
        self.parent = self.scene.run("fork-whole")
        # What is imported and asked for the first time takes long.
        for name in ("fork-warm", "fork-first"):
            began = time.monotonic()
            if self.scene.wait(self._begin(name, Orders())):
                raise SystemExit(f"no fork: {self.scene.said()}")
            self.seconds = time.monotonic() - began
            self.scene.rest()
        self.scene.left()
        first = self.scene.run("fork-first")
        self.expected, self.born = result(first), _birth_of(first)

    def _begin(self, name: str, orders: Orders) -> int:
        words = ("fork", self.parent.id, *self.changes, "--name", name, "--detach")
        return self.scene.command(*words, orders=orders)

    def live(self, wanted: int) -> None:
        run = self.scene.run(f"f{self.table.runs}")
        if self.random.random() < 0.7:
            self._kill_command(run)
        else:
            self._kill_worker(run)
        if not run.path.exists():
            self.table.resumes += 1
            if self.scene.wait(self._begin(run.id, Orders())):
                self.table.note("lost", f"{run.id} cannot be made again: {self.scene.said()[-300:]}")
                return
            self.scene.until(lambda: over(run))
            self.scene.left()
        self.table.note("left", [path.name for path in run.path.parent.iterdir() if fs.is_temp(path.name)])
        if self.finish(run, Orders()):
            self.compare(run, self.expected)
        self.forget(run)

    def _kill_command(self, run: RunDirectory) -> None:
        call = self.random.randrange(150) if self.random.random() < 0.5 else None
        pid = self._begin(run.id, Orders(call))
        if call is None:
            self.scene.pause(self.seconds, pid)
            self.scene.kill([pid])
        self.scene.wait(pid)
        self.table.kills += 1
        # Its worker, if there is one, knows nothing of it.
        self.scene.rest()
        self._look_at_birth(run)

    def _kill_worker(self, run: RunDirectory) -> None:
        self.scene.orders = Orders(self.random.randrange(120))
        self.scene.wait(self._begin(run.id, Orders()))
        self.scene.orders = Orders()
        self.scene.rest()
        self.table.kills += 1
        self._look_at_birth(run)

    def _look_at_birth(self, run: RunDirectory) -> None:
        """A fork is whole or absent."""
        self.look(run, 0)
        if not run.path.exists():
            return
        born, first = _birth_of(run), self.born
        if born[0][: len(first[0])] != first[0] or (born[1] and born[1][-1] < first[1][0]) or not born[1]:
            self.table.note("lost", f"{run.id} began with {born}, not {first}")


def _birth_of(run: RunDirectory) -> tuple[list[Any], list[int]]:
    """The events of a fork before its first attempt of its own, and the steps of its checkpoints."""
    records = LogTail(run.events_path).read()
    told = [(record["type"], record.get("step")) for record in records]
    ends = [number for number, record in enumerate(records) if record.get("text", "").startswith("forked from")]
    steps = [int(path.name.split("-")[2]) for path in checkpoint.list_checkpoints(run) if _loads(path)]
    return told[: ends[-1] + 1 if ends else len(told)], steps


def _loads(path: Path) -> bool:
    try:
        return bool(checkpoint.load(path))
    except DltuiError:
        return False
