"""Stores the training curve as columns: a million points without a million objects."""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.text import safe

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def column() -> array[float]:
    """An empty column."""
    return array("d")


@dataclass
class Points:
    """The training curve, columns of equal length: `steps` is each bucket's last step, counted from 1; `time` is unix
    seconds."""

    steps: array[float] = field(default_factory=column)
    loss: array[float] = field(default_factory=column)
    loss_min: array[float] = field(default_factory=column)
    loss_max: array[float] = field(default_factory=column)
    lr: array[float] = field(default_factory=column)
    time: array[float] = field(default_factory=column)
    metrics: dict[str, array[float]] = field(default_factory=dict)
    before: float = 0.0
    """The step after which the first bucket begins."""

    def __len__(self) -> int:
        return len(self.steps)

    def columns(self) -> list[array[float]]:
        return [self.steps, self.loss, self.loss_min, self.loss_max, self.lr, self.time, *self.metrics.values()]

    def add(self, record: dict[str, Any]) -> None:
        """Append the columns of an event `trained`. Raises ValueError when they are not of equal length."""
        steps = _numbers(record["steps"])
        fixed = [_numbers(record[name]) for name in ("loss", "loss_min", "loss_max", "lr")]
        metrics = {safe(name): _numbers(values) for name, values in record["metrics"].items()}
        if any(len(values) != len(steps) for values in (*fixed, *metrics.values())):
            raise ValueError("columns of unequal length")
        for name in [name for name in metrics if name not in self.metrics]:
            # A metric that appears later has a gap before.
            self.metrics[name] = array("d", [math.nan]) * len(self.steps)
        self.steps.extend(steps)
        for column, values in zip((self.loss, self.loss_min, self.loss_max, self.lr), fixed, strict=True):
            column.extend(values)
        self.time.extend(array("d", [float(record["time"])]) * len(steps))
        for name, column in self.metrics.items():
            column.extend(metrics.get(name) or array("d", [math.nan]) * len(steps))

    def first(self, count: int) -> Points:
        """A copy of the first points."""
        steps, loss, low, high, lr, time = (values[:count] for values in self.columns()[:6])
        metrics = {name: values[:count] for name, values in self.metrics.items()}
        return Points(steps, loss, low, high, lr, time, metrics, self.before)

    def compact(self, most: int) -> None:
        """Keep about half of `most` points: the newest unchanged, the older merged on a fixed grid of steps. A spike
        survives in a bucket's minimum and maximum, a NaN in its mean.
        """
        import numpy as np

        old = len(self) - most // 4
        if old <= 0:
            return
        steps = np.frombuffer(self.steps)[:old]
        size = 1
        while (steps[-1] - steps[0]) / size > most // 4:
            size *= 2
        # Where a bucket ends.
        last = np.flatnonzero(np.diff((steps - 1) // size, append=np.inf))
        weights = np.diff(steps, prepend=min(self.before, steps[0] - 1))
        merged = _Merged(np.concatenate([[0], last[:-1] + 1]), weights)
        self.loss = _joined(merged.mean(np.frombuffer(self.loss)[:old]), self.loss[old:])
        self.loss_min = _joined(
            np.fmin.reduceat(np.frombuffer(self.loss_min)[:old], merged.starts), self.loss_min[old:]
        )
        self.loss_max = _joined(
            np.fmax.reduceat(np.frombuffer(self.loss_max)[:old], merged.starts), self.loss_max[old:]
        )
        self.lr, self.time, self.steps = (
            _joined(np.frombuffer(values)[last], values[old:]) for values in (self.lr, self.time, self.steps)
        )
        for name, values in self.metrics.items():
            known = merged.mean(np.frombuffer(values)[:old], missing=True)
            self.metrics[name] = _joined(known, values[old:])

    def cut(self, last_step: int) -> None:
        """Drop the points after a step."""
        keep = bisect_right(self.steps, last_step)
        for column in self.columns():
            del column[keep:]


@dataclass(frozen=True)
class _Merged:
    """Groups of neighboring buckets: where each begins, and how many steps each point stands for."""

    starts: Array
    weights: Array

    def mean(self, values: Array, missing: bool = False) -> Array:
        """The means weighted by steps. With `missing`, a NaN counts as not logged."""
        import numpy as np

        known = np.isfinite(values) if missing else np.ones(len(values), dtype=bool)
        totals = np.add.reduceat(np.where(known, values, 0.0) * self.weights, self.starts)
        counts = np.add.reduceat(np.where(known, self.weights, 0.0), self.starts)
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Array = totals / counts
        return means


def _joined(old: Array, new: array[float]) -> array[float]:
    """A column of both arrays."""
    joined = column()
    joined.frombytes(old.astype("f8").tobytes())
    joined.extend(new)
    return joined


def _numbers(values: list[float | None]) -> array[float]:
    """A column of numbers; null, which stands for NaN and infinities in JSON, becomes NaN. Raises TypeError."""
    numbers = column()
    try:
        # Twice as fast as the array's own conversion.
        numbers.frombytes(struct.pack(f"{len(values)}d", *values))
    except struct.error:
        numbers.fromlist([math.nan if value is None else value for value in values])
    return numbers
