"""Splits a run's time into getting batches, computing, evaluating and waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.reading.history import History


@dataclass(frozen=True)
class Times:
    """The parts of the time since training began, in seconds, over all attempts, without the starts of their processes.
    `data` is None where the framework cannot separate it from `compute`; `waiting` is the rest: pauses, saving, the
    test's figures.
    """

    data: float | None
    compute: float
    evaluation: float
    waiting: float

    @property
    def total(self) -> float:
        return (self.data or 0.0) + self.compute + self.evaluation + self.waiting

    def shares(self) -> dict[str, float]:
        """The fraction of each part, 0 to 1; empty before there is any time."""
        parts = {"data": self.data, "compute": self.compute, "eval": self.evaluation, "wait": self.waiting}
        total = self.total
        return {name: value / total for name, value in parts.items() if value is not None} if total > 0 else {}


def times(history: History) -> Times:
    """The times according to the events. Data time is measured for most steps and scaled to all of them."""
    training = history.train_seconds
    evaluation = sum(record.evaluation_seconds or 0.0 for record in history.epochs.values())
    if history.test is not None:
        evaluation += float(history.test.get("seconds") or 0.0)
    share = data_share(history)
    data = None if share is None else share * training
    waiting = max(history.at_work - training - evaluation, 0.0)
    return Times(data, training - (data or 0.0), evaluation, waiting)


def data_share(history: History) -> float | None:
    """The fraction of training time spent getting batches, 0 to 1; None where it was not measured."""
    if history.told_seconds <= 0:
        return None
    return min(history.data_seconds / history.told_seconds, 1.0)
