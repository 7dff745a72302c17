"""Kills of what draws figures: a worker that is done, its drawing process, `dltui export`."""

from __future__ import annotations

import time

from dltui.core.rundir.directory import RunDirectory
from tests.faults.around.kind import Kind
from tests.faults.scene import broken_figures, end_since
from tests.faults.victim import Orders


class Figures(Kind):
    """A worker that draws its figures, the process in which it does, and `dltui export`."""

    name = "figures"
    epochs = 2
    draws = True

    def prepare(self) -> None:
        self.calm = Orders(draws=self.figures())
        self.expected = self.unharmed(self.calm)
        whole = self.scene.run("figures-whole")
        self.weights = (self.scene.exports / whole.id / "model.safetensors").read_bytes()
        began = time.monotonic()
        self.scene.wait(self.scene.command("export", whole.id))
        self.seconds = time.monotonic() - began

    def live(self, wanted: int) -> None:
        run = self.scene.new_run(f"d{self.table.runs}", epochs=self.epochs)
        self._kill_worker(run)
        self._look(run)
        if self.table.kills < wanted and self.random.random() < 0.6:
            self._kill_export(run)
            self._look(run)
        self.compare(run, self.expected)
        self.export(run, self.weights)
        self.forget(run)

    def _look(self, run: RunDirectory) -> None:
        self.look(run, 0)
        self.table.note("lost", [f"{run.id}: {name} is cut off" for name in broken_figures(run)])

    def _kill_worker(self, run: RunDirectory) -> None:
        call, draw_call = None, None
        if self.random.random() < 0.5:
            call, draw_call = self.random.choice(((self.random.randrange(8), None), (None, self.random.randrange(60))))
        pid = self.scene.spawn(run, Orders(call, late=True, draws=self.figures(), draw_call=draw_call))
        if call is None and draw_call is None:
            self.scene.until(lambda: end_since(run, 0) is not None)
            # Its first moments are those in which little of it is written.
            self.scene.pause(self.seconds * self.random.random() ** 2, pid)
            target = self.random.choice((self.scene.kill_tree, self._kill_child, lambda pid: self.scene.kill([pid])))
            target(pid)
        self.scene.wait(pid)
        self.table.kills += 1

    def _kill_child(self, pid: int) -> None:
        self.scene.kill([child.pid for child in self.scene.processes(pid)] or [pid])

    def _kill_export(self, run: RunDirectory) -> None:
        draw_call = self.random.randrange(60) if self.random.random() < 0.5 else None
        pid = self.scene.command("export", run.id, orders=Orders(draw_call=draw_call))
        if draw_call is None:
            self.scene.pause(self.seconds, pid)
            self.random.choice((self.scene.kill_tree, self._kill_child))(pid)
        self.scene.wait(pid)
        self.table.kills += 1
