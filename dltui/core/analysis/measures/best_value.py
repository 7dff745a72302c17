"""At which epoch a metric of a run was best, as the tables of last and best values show it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dltui.core.tasks.registry import lowest_is_best

if TYPE_CHECKING:
    from dltui.core.reading.history import History


def best_value(history: History, split: str, name: str) -> tuple[int, float]:
    """The epoch and the value at which a metric of the train or validation split was best; (0, NaN) where it never was
    a finite number. Of epochs with equal values it is the best epoch of the run, else the earliest.
    """
    monitor = history.monitor or {}
    mode = monitor.get("mode") if name == monitor.get("metric") else None
    sign = 1.0 if lowest_is_best(name, mode) else -1.0
    of_run = history.best.epoch if history.best is not None and split == "validation" else 0
    known = ((epoch, getattr(record, split).get(name, math.nan)) for epoch, record in history.epochs.items())
    finite = [(sign * value, epoch != of_run, epoch, value) for epoch, value in known if math.isfinite(value)]
    _, _, epoch, value = min(finite, default=(0.0, False, 0, math.nan))
    return epoch, value
