"""The content of a chart: series, axes and marks, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["raw", "line", "dots", "straight"]
"""raw: every point, from minimum to maximum, faint, with its moving average over it; line: points joined, each marked
while there is room; dots: points alone; straight: a line without marks."""


@dataclass(frozen=True)
class Series:
    """A curve. `mark` is its sign in the legend, at its points, and everywhere in ASCII. With `gaps`, a NaN breaks the
    curve and a cross marks the place.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str
    mark: str
    form: Form = "line"
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    gaps: bool = True


@dataclass(frozen=True)
class Chart:
    """The content of a chart. x runs from `start` to `end`, the planned end, so that the missing part shows.

    `marks` are signs on the x axis (position, letter, style); `note` stands in the middle while nothing is drawn.
    `smoothing` is the strength of the moving average over a raw series, 0 for none. The legend shows the values at the
    `cursor`; `chosen` is true for the chart that the keys act on. With `decades` x holds logarithms, and the labels say
    of what; `best_name` is the meaning of the star.
    """

    title: str
    series: tuple[Series, ...]
    end: float
    start: float = 0.0
    best: tuple[float, float] | None = None
    x_name: str = "epochs"
    epochs: bool = True
    floor: float | None = 0.0
    ceiling: float | None = None
    log: bool = False
    marks: tuple[tuple[float, str, str], ...] = ()
    note: str = ""
    smoothing: float = 0.6
    cursor: float | None = None
    chosen: bool = False
    decades: bool = False
    best_name: str = "best"

    @property
    def span(self) -> float:
        """The length of the x axis; 1 between equal ends, where everything stands at the start."""
        return (self.end - self.start) or 1.0
