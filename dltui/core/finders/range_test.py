"""The learning-rate range test: a few steps of training while the rate grows, and the rate that their losses propose.

The test is that of Smith 2015, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186, in the form of
fastai (https://docs.fast.ai/callback.schedule.html): exponential growth, an end as soon as the loss has risen to four
times its least value. The proposal lies halfway, on the logarithmic axis, between the rate at which the loss falls most
steeply and that of the least loss: the steepest descent alone comes early where data are learned fast, and at the least
loss the rate already is as high as it can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError
from dltui.core.finders.rate_range import HIGHEST, LOWEST

if TYPE_CHECKING:
    from dltui.core.contract import EpochPlan, Trainable
    from dltui.core.contract.types import Array
    from dltui.core.train.plan import Planner

MOST_STEPS, LEAST_STEPS = 100, 40
SECONDS = 40.0
"""The time that a test should take at most, from which the number of its steps follows."""
TIMED_STEPS = 2
CHUNKS = 50
"""Reports of a test: its end is noticed this often."""
DIVERGED = 4.0
"""The loss, relative to its least value, at which a test ends."""
WEIGHT = 0.9
"""Of the past in the running mean that tells divergence."""
WIDTH = 0.2
"""The standard deviation, in decades, of the bell curve with which losses are smoothed."""
LEAST_FALL = 0.02
"""The share of the loss by which it must fall for a proposal."""
ANY_RATE = (0.0, math.inf)
"""The least and the greatest rate that a model accepts which has no bounds."""

Tell = Callable[[float, float], None]
"""Gets the rate and the loss of each step."""


@dataclass(frozen=True)
class Curve:
    """The losses of a range test by rate; `diverged` says that it ended before its highest rate."""

    lr: tuple[float, ...]
    loss: tuple[float, ...]
    diverged: bool


@dataclass(frozen=True)
class Suggestion:
    """The rate to try, between the `steepest` descent and the `least` loss; all None where no rate lets the loss fall.
    `smooth` are the smoothed losses."""

    lr: float | None
    steepest: float | None
    least: float | None
    smooth: tuple[float, ...]


def rates(
    steps: int, lowest: float = LOWEST, highest: float = HIGHEST, accepted: tuple[float, float] = ANY_RATE
) -> Array:
    """Rates that grow by the same factor at each step, none beyond those that are accepted: float32 (steps,)."""
    found = np.geomspace(lowest, highest, steps).astype(np.float32)
    # An end may be a bound itself, or be rounded beyond it.
    least, most = accepted
    found = np.where(found.astype(np.float64) < least, np.nextafter(found, np.float32(np.inf)), found)
    return np.where(found.astype(np.float64) > most, np.nextafter(found, np.float32(0)), found)


def steps_for(seconds: float) -> int:
    """The number of steps of a test where a step takes so long."""
    return min(max(int(SECONDS / max(seconds, 1e-9)), LEAST_STEPS), MOST_STEPS)


def run(
    trainable: Trainable,
    planner: Planner,
    steps: int,
    clock: Callable[[], float],
    tell: Tell = lambda lr, loss: None,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    accepted: tuple[float, float] = ANY_RATE,
) -> Curve:
    """Train from the lowest to the highest rate as far as they are accepted, or until the loss diverges. With 0 `steps`
    their number follows from the time of the first. Raises RunError where the first loss is no number: then no rate is
    at fault.
    """
    batches = _Batches(trainable, planner)
    if not steps:
        # The first may compile; at the lowest rate they hardly change anything.
        first = rates(1, lowest, highest, accepted)
        batches.train(first)
        began = clock()
        batches.train(np.repeat(first, TIMED_STEPS))
        steps = steps_for((clock() - began) / TIMED_STEPS)
    course, watch = rates(steps, lowest, highest, accepted), _Watch()
    found: list[tuple[float, float]] = []
    for chunk in np.array_split(course, min(CHUNKS, steps)):
        for lr, loss in zip(chunk.tolist(), batches.train(chunk), strict=True):
            if watch.diverges(loss):
                return _curve(found, diverged=True)
            found.append((lr, loss))
            tell(lr, loss)
    return _curve(found, diverged=False)


def _curve(found: list[tuple[float, float]], diverged: bool) -> Curve:
    if not found:
        raise RunError("the loss of the first step is not a finite number: no learning rate helps")
    return Curve(tuple(lr for lr, _ in found), tuple(loss for _, loss in found), diverged)


class _Batches:
    """Trains at given rates on the batches of the run's own plan, epoch after epoch."""

    def __init__(self, trainable: Trainable, planner: Planner) -> None:
        self._trainable, self._planner = trainable, planner
        self._plans = self._epochs()
        self._plan, self._next = next(self._plans), 0

    def _epochs(self) -> Iterator[EpochPlan]:
        epoch = 0
        while True:
            # The epochs of a short run begin again.
            yield self._planner.epoch(epoch % max(self._planner.epochs, 1))
            epoch += 1

    def train(self, lr: Array) -> list[float]:
        """The mean loss of each step."""
        losses: list[float] = []
        while len(losses) < len(lr):
            if self._next == self._plan.steps:
                self._plan, self._next = next(self._plans), 0
            part = lr[len(losses) :][: self._plan.steps - self._next]
            plan = self._plan.rows(slice(self._next, self._next + len(part)))
            self._trainable.begin_epoch(replace(plan, first_step=self._plan.first_step + self._next, lr=part))
            sums = self._trainable.advance(len(part)).loss
            losses += (np.asarray(sums, dtype=np.float64) / self._plan.batch).tolist()
            self._next += len(part)
        return losses


class _Watch:
    """Notices that the loss grows without end."""

    def __init__(self) -> None:
        self._mean, self._steps, self._least = 0.0, 0, math.inf

    def diverges(self, loss: float) -> bool:
        """True if it does with this loss of the next step."""
        if not math.isfinite(loss):
            return True
        self._steps += 1
        self._mean = WEIGHT * self._mean + (1 - WEIGHT) * loss
        mean = self._mean / (1 - WEIGHT**self._steps)
        self._least = min(self._least, mean)
        # A loss of a model's own may be negative, where four times as much is less.
        return mean > DIVERGED * self._least > 0


def smooth(lr: Array, loss: Array) -> Array:
    """The losses averaged over neighboring rates, which shifts nothing: (n,)."""
    decades = np.log10(lr)
    weights = np.exp(-0.5 * ((decades[:, None] - decades[None, :]) / WIDTH) ** 2)
    mean: Array = (weights @ loss) / weights.sum(axis=1)
    return mean


def suggest(curve: Curve) -> Suggestion:
    """The rate to try, to two digits."""
    lr, loss = np.asarray(curve.lr), np.asarray(curve.loss)
    # A single loss of a million at the end would lift its whole neighborhood.
    smoothed = smooth(lr, np.minimum(loss, loss[0] + (DIVERGED - 1) * abs(loss[0])))
    told = tuple(smoothed.tolist())
    lowest = int(np.argmin(smoothed))
    if lowest < 2 or smoothed[0] - smoothed[lowest] <= LEAST_FALL * abs(float(smoothed[0])):
        return Suggestion(None, None, None, told)
    slope = np.gradient(smoothed, np.log10(lr))
    steepest, least = float(lr[int(np.argmin(slope[: lowest + 1]))]), float(lr[lowest])
    return Suggestion(float(f"{math.sqrt(steepest * least):.2g}"), steepest, least, told)
