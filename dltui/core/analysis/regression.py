"""Compares the numbers that a regression predicts with those that were measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from dltui.core.text import safe

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

MOST_POINTS = 5_000


class Point(NamedTuple):
    """A sample of a regression; `x` is None where the model has several inputs, `residual` is measured - predicted."""

    x: float | None
    measured: float
    predicted: float
    residual: float


@dataclass(frozen=True, eq=False)
class Fit:
    """A regression of a whole split, after `epoch` epochs: x (n, features), y and prediction (n, outputs)."""

    split: str
    epoch: int
    x: Array
    y: Array
    prediction: Array
    names: tuple[str, ...] = ()
    """The names of the targets, where they are known."""

    @property
    def title(self) -> str:
        """The name of the target of a fit of one, where it is known."""
        return self.names[0] if len(self.names) == 1 else ""

    def of(self, number: int) -> Fit:
        """The fit of one target; the fit itself where there is one."""
        count = self.y.shape[1]
        if count == 1:
            return self
        number = min(max(number, 0), count - 1)
        column, name = slice(number, number + 1), self._name(number)
        return Fit(self.split, self.epoch, self.x, self.y[:, column], self.prediction[:, column], (name,))

    def _name(self, number: int) -> str:
        """The name of a target, by which it is told from the others."""
        name = self.names[number] if number < len(self.names) else ""
        if not name:
            return f"target {number + 1}"
        return name if self.names.count(name) == 1 else f"{name} ({number + 1})"

    @cached_property
    def r2(self) -> float:
        """The coefficient of determination, a mean over the targets."""
        import numpy as np

        from dltui.core.tasks.regression.arithmetic import r2

        with np.errstate(all="ignore"):
            return float(np.mean(r2(self.prediction, self.y)))

    @cached_property
    def mae(self) -> float:
        """The mean of the sizes of the residuals."""
        import numpy as np

        with np.errstate(all="ignore"):
            return float(np.mean(np.abs(self.residuals)))

    @cached_property
    def line(self) -> tuple[float, float] | None:
        """Slope and intercept of a model that is a straight line; None for other models."""
        return fitted_line(self.x, self.prediction)

    @cached_property
    def residuals(self) -> Array:
        """Measured minus predicted, float64 (n, outputs)."""
        import numpy as np

        with np.errstate(all="ignore"):
            return self.y.astype(np.float64) - self.prediction

    @cached_property
    def mse(self) -> float:
        """The mean of the squared residuals of all outputs."""
        import numpy as np

        with np.errstate(all="ignore"):
            return float(np.mean(np.square(self.residuals)))

    @cached_property
    def digits(self) -> int:
        """The significant digits that tell the numbers of the first output apart: four, and those that most of them
        share because they are far from zero.
        """
        return _digits(self.y[:, 0])

    @cached_property
    def x_digits(self) -> int:
        """The same of the only feature."""
        return _digits(self.x[:, 0])

    @cached_property
    def line_digits(self) -> tuple[int, int]:
        """The significant digits of slope and intercept by which the line gives the first output with its `digits`."""
        return self.x_digits, _digits(self.y[:, 0], abs(self.line[1]) if self.line else 0.0)

    @cached_property
    def spread(self) -> float:
        """The standard deviation of the residuals of the first output."""
        import numpy as np

        with np.errstate(all="ignore"):
            return float(np.std(self.residuals[:, 0]))

    @cached_property
    def points(self) -> list[Point]:
        """The first output of the first thousands of samples: as many as a chart can show."""
        return self._points(range(min(len(self.y), MOST_POINTS)))

    def worst(self, most: int) -> list[Point]:
        """The samples with the largest residuals of the first output, the largest first."""
        import numpy as np

        return self._points(np.argsort(-np.abs(self.residuals[:, 0]), kind="stable")[:most].tolist())

    def _points(self, rows: Sequence[int]) -> list[Point]:
        single = self.x.shape[1] == 1
        columns = (self.y, self.prediction, self.residuals)
        return [
            Point(float(self.x[row, 0]) if single else None, *(float(column[row, 0]) for column in columns))
            for row in rows
        ]


def fitted_line(x: Array, prediction: Array) -> tuple[float, float] | None:
    """Slope and intercept of predictions whose one output is a straight line of their one feature; None for others."""
    import numpy as np

    if x.shape[1] != 1 or prediction.shape[1] != 1:
        return None
    across, up = x[:, 0].astype(np.float64), prediction[:, 0].astype(np.float64)
    # Values of one x lie on a line of any slope.
    if not (np.isfinite(across).all() and np.isfinite(up).all()) or len(np.unique(across)) < 2:
        return None
    with np.errstate(all="ignore"):
        # Around the mean, so that points far from zero and close together lose no digits.
        middle, level = across.mean(), up.mean()
        away = across - middle
        slope = float(np.dot(away, up - level) / np.dot(away, away))
        intercept = float(level - slope * middle)
        bend = float(np.abs(slope * away + level - up).max())
        # The rounding of the predictions is no bend: float32, or float64 with an offset.
        rounding = 8 * float(np.finfo(np.result_type(prediction.dtype, np.float32)).eps * np.abs(up).max())
        straight = bend <= max(1e-4 * float(np.ptp(up)), rounding, 1e-16)
    return (slope, intercept) if straight and math.isfinite(slope) and math.isfinite(intercept) else None


def _digits(values: Array, largest: float | None = None) -> int:
    """The significant digits of numbers up to `largest`, usually that of the values (n,), that differ as these do."""
    import numpy as np

    with np.errstate(all="ignore"):
        known = values.astype(np.float64)
        alike = np.log10((np.abs(known).max() if largest is None else largest) / np.std(known))
    return 4 + int(np.clip(alike, 0, 11)) if np.isfinite(alike) else 4


def compare(arrays: dict[str, Array], names: Sequence[object] = (), offset: float = 0.0) -> Fit:
    """The fit of a predictions file, with `offset` added to x where it is a single feature. Raises ValueError,
    KeyError or IndexError for damaged arrays.
    """
    x, y, prediction = (
        array.reshape(len(array), math.prod(array.shape[1:]))
        for array in (arrays["x"], arrays["y"], arrays["prediction"])
    )
    if y.shape != prediction.shape or len(x) != len(y):
        raise ValueError(f"{len(x)} inputs, targets {y.shape}, predictions {prediction.shape}")
    if offset and x.shape[1] == 1:
        x = x.astype("float64") + offset
    return Fit(safe(arrays["split"]), int(arrays["epoch"]), x, y, prediction, tuple(map(safe, names)))
