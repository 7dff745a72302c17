"""Journals of a run that takes turns with other contenders of a benchmark."""

from __future__ import annotations

import time

from turns import Turns

from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Evaluated, Event
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.log import EventLog
from dltui.core.worker.journal import Journal


class TurnJournal(Journal):
    """Gives the turn away after each epoch: when all that belongs to it has been evaluated, written and saved."""

    turns: Turns
    _over = False

    def emit(self, event: Event, sync: bool = False) -> None:
        super().emit(event, sync)
        self._over = self._over or isinstance(event, Evaluated)

    def phase(self, name: str, detail: str = "") -> None:
        super().phase(name, detail)
        if name == "training" and self._over:
            self._over = False
            self.turns.end()


class TimedJournal(Journal):
    """Stops the clock outside of training, and gives the turn away after each slice, which has at least so many steps
    and takes at least so many seconds. The time told is that of a step.
    """

    def __init__(self, run: RunDirectory, turns: Turns, steps: int = 1, seconds: float = 0.0) -> None:
        super().__init__(run, EventLog(run.events_path, 1), Heartbeat(run.path, 1), 1)
        self.turns = turns
        self._steps, self._seconds = steps, seconds
        self._first = 0
        self._spent = 0.0
        self._began: float | None = None

    def phase(self, name: str, detail: str = "") -> None:
        super().phase(name, detail)
        self._stop_clock()
        if name == "training":
            self._began = time.perf_counter()

    def progress(self, step: int, epoch: int) -> None:
        super().progress(step, epoch)
        if self._began is None:
            return
        self._stop_clock()
        if step - self._first >= self._steps and self._spent >= self._seconds:
            self.turns.end(self._spent / (step - self._first))
            self._first, self._spent = step, 0.0
        self._began = time.perf_counter()

    def _stop_clock(self) -> None:
        if self._began is not None:
            self._spent += time.perf_counter() - self._began
        self._began = None
