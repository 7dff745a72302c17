"""The x axis of the curves: epochs, steps or the time spent in training. Each is a map from steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from dltui.tui.draw.scale import nice_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.reading.history import History
    from dltui.tui.draw.raster import Array

AxisName = Literal["epochs", "steps", "time"]
UNITS = ((2 * 3600.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
# The end of a run that is still going on is an estimate: it moves by this part at least, or everything would tremble.
END_PARTS = 10


@dataclass(frozen=True)
class Axis:
    """A piecewise linear map from `steps` (rising) to `x`; `whole` is true if only whole numbers get ticks."""

    name: str
    steps: Array
    x: Array
    whole: bool = False

    def of(self, steps: Sequence[float] | Array) -> Array:
        """The x positions of these steps: float64 of the same length."""
        import numpy as np

        values = np.asarray(steps, dtype=np.float64)
        if len(self.steps) == 2:
            # A straight line holds beyond its ends, and costs less.
            start, x, slope = self._line
            straight: Array = x + (values - start) * slope
            return straight
        return np.interp(values, self.steps, self.x)

    @cached_property
    def _line(self) -> tuple[float, float, float]:
        """The first step, its x, and how much x a step is, of a straight line."""
        first, last = self.steps.tolist()
        x, end = self.x.tolist()
        # They are one in a log that is damaged.
        return first, x, (end - x) / ((last - first) or 1.0)

    def at(self, step: float) -> float:
        if len(self.steps) == 2:
            start, x, slope = self._line
            return x + (step - start) * slope
        return float(self.of([step])[0])

    def step_at(self, x: float) -> float:
        """The step at a position, between the ends."""
        import numpy as np

        return float(np.interp(x, self.x, self.steps))


def clock(history: History) -> tuple[Array, Array]:
    """The steps, and the seconds of training when they were reached, without the time between attempts."""
    import numpy as np

    points = history.points
    steps, times = np.asarray(points.steps, dtype=np.float64), np.asarray(points.time, dtype=np.float64)
    # The points of one event share its time: its last step is what was reached then.
    last = np.flatnonzero(np.diff(times, append=np.inf))
    steps, times = steps[last], times[last]
    seconds = np.empty_like(times)
    starts = history.starts or [(0, float(times[0]) if len(times) else 0.0)]
    done = 0.0
    for number, (start, began) in enumerate(starts):
        end = starts[number + 1][0] if number + 1 < len(starts) else np.inf
        here = slice(*np.searchsorted(steps, (start, end), side="right"))
        seconds[here] = done + np.maximum(times[here] - began, 0.0)
        done = float(seconds[here][-1]) if len(seconds[here]) else done
    first = float(starts[0][0])
    # Clocks are set back at times: training never is.
    return np.concatenate([[first], steps]), np.maximum.accumulate(np.concatenate([[0.0], seconds]))


def axis_of(history: History, name: AxisName, left: float | None = None) -> Axis:
    """The axis of a run whose attempt is known; `left` is the remaining time in seconds, if known."""
    import numpy as np

    attempt = history.attempt
    assert attempt is not None
    planned = float(max(attempt.total_steps, 1))
    if name == "steps":
        return Axis("steps", np.array([0.0, planned]), np.array([0.0, planned]), whole=True)
    if name == "epochs":
        per_epoch = max(attempt.steps_per_epoch, 1)
        return Axis("epochs", np.array([0.0, planned]), np.array([0.0, planned / per_epoch]), whole=True)
    steps, seconds = clock(history)
    if steps[-1] < planned:
        steps, seconds = np.append(steps, planned), np.append(seconds, _end(steps, seconds, planned, left))
    end = float(seconds[-1])
    unit, word = next((unit, word) for least, unit, word in UNITS if end >= least)
    return Axis(word, steps, seconds / unit)


def _end(steps: Array, seconds: Array, planned: float, left: float | None) -> float:
    """The planned end in seconds: from the remaining time, else at the pace so far, rounded up."""
    spent, done = float(seconds[-1]), float(steps[-1] - steps[0])
    rest = left if left is not None else spent * (planned - float(steps[-1])) / done if done > 0 else 1.0
    total = max(spent + rest, spent * 1.001, 1e-3)
    part = nice_step(total, END_PARTS)
    return float(max(math.ceil(total / part) * part, spent))
