"""A run's journal that takes turns with other contenders of a benchmark, an epoch at a time."""

from __future__ import annotations

from turns import Turns

from dltui.core.rundir.events import Evaluated, Event
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
