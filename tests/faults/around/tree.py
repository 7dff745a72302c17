"""Kills of a worker and of its children."""

from __future__ import annotations

from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from tests.faults.around.kind import Kind, finished
from tests.faults.scene import end_since, log_size
from tests.faults.victim import Orders

ATTEMPTS = 3
"""Kills of one run, at most: the others go to fresh ones."""


class Tree(Kind):
    """A worker with its children, which prepare data, log and draw: all of them, the worker alone, or one of them."""

    name = "tree"
    draws = True
    loggers = ("command=true",)

    def prepare(self) -> None:
        self.calm = Orders(own_data=True, draws=self.figures())
        run = self.scene.new_run("tree-first", self.loggers, epochs=self.epochs)
        self.scene.wait(self.scene.spawn(run, self.calm))
        self.forget(run)
        self.expected = self.unharmed(self.calm)
        self.weights = (self.scene.exports / "tree-whole" / "model.safetensors").read_bytes()

    def live(self, wanted: int) -> None:
        run = self.scene.new_run(f"t{self.table.runs}", self.loggers, epochs=self.epochs)
        for number in range(ATTEMPTS):
            if self.table.kills >= wanted:
                break
            self.table.resumes += bool(number)
            offset = log_size(run)
            self._attempt(run)
            self.look(run, offset)
            if RunReader(run).status().name == "interrupted" and end_since(run, offset):
                self.table.note("untrue", f"{run.id} ended, and is called interrupted")
            if finished(run):
                break
        if self.finish(run, self.calm):
            self.compare(run, self.expected)
            self.export(run, self.weights)
        self.forget(run)

    def _attempt(self, run: RunDirectory) -> None:
        """One worker that dies, or loses a child."""
        target = self.random.choice(("all", "worker", "child"))
        call = self.random.randrange(220) if target != "child" and self.random.random() < 0.5 else None
        orders = Orders(call, target == "all", own_data=True, draws=self.figures())
        pid = self.scene.spawn(run, orders)
        if call is None:
            self.scene.pause(self.seconds, pid)
            if target == "all":
                self.scene.kill_tree(pid)
            else:
                self.scene.kill([pid] if target == "worker" else self._child(pid))
        self.scene.wait(pid)
        self.table.kills += 1

    def _child(self, pid: int) -> list[int]:
        """A child of the worker, which has one most of the time."""
        self.scene.until(lambda: bool(self.scene.processes(pid)) or self.scene.ended(pid) is not None, 2.0)
        return [self.random.choice(found).pid] if (found := self.scene.processes(pid)) else [pid]
