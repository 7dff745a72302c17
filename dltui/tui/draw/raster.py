"""Reduces a series to the columns of dots of the plot, by minimum and maximum, so that a spike survives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


OUTLYING = 4.0
"""Times the usual distance from the average."""
EMPTY = 0x2800
"""The braille letter without a dot."""


@dataclass(frozen=True)
class Columns:
    """The values in each column of dots that has data: `at` is its number, then the least, greatest and mean value.
    `gaps` are the columns that contain a NaN.
    """

    at: Array
    low: Array
    high: Array
    mean: Array
    gaps: Array


def thin(x: Array, low: Array, high: Array, y: Array, ends: tuple[float, float], width: int) -> Columns:
    """Reduce points with x between the `ends`, in rising order, to `width` columns. NaNs become gaps.

    Only the borders of the columns are looked for, so that a million points cost little more than their minima.
    """
    import numpy as np

    start, end = ends
    borders = start + (end - start) / width * np.arange(width + 1)
    borders[-1] = end + (end - start) * 1e-9
    cuts = np.searchsorted(x, borders)
    low, high, y = (values[cuts[0] : cuts[-1]] for values in (low, high, y))
    cuts = cuts - cuts[0]
    good = np.isfinite(y)
    gaps = np.zeros(0, dtype=np.int64)
    if not good.all():
        gaps = np.unique(np.searchsorted(cuts, np.flatnonzero(~good), side="right") - 1)
        cuts = np.concatenate([[0], np.cumsum(good)])[cuts]
        low, high, y = low[good], high[good], y[good]
    counts = np.diff(cuts)
    at = np.flatnonzero(counts)
    if not len(at):
        return Columns(at, y[:0], y[:0], y[:0], gaps)
    starts = cuts[at]
    means = np.add.reduceat(y, starts) / counts[at]
    return Columns(at, np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts), means, gaps)


def smooth(columns: Columns, strength: float) -> Columns:
    """A moving average over the columns, exponential in both directions, so that it does not lag. Near an end, where
    one direction has few values, the other counts for more: what was measured last moves the tip no more than others.
    """
    import numpy as np

    values = columns.mean.tolist()
    before, weights = _sums(values, strength)
    after, weights_after = (part[::-1] for part in _sums(values[::-1], strength))
    both = (before + after - np.asarray(values)) / (weights + weights_after - 1)
    return Columns(columns.at, both, both, both, columns.gaps)


def part(columns: Columns, which: Any) -> Columns:
    """Some of the columns, chosen by a slice or a mask."""
    return Columns(columns.at[which], columns.low[which], columns.high[which], columns.mean[which], columns.gaps[:0])


def outliers(columns: Columns, average: Columns) -> Columns:
    """The columns that stick out of the average much farther than others do."""
    import numpy as np

    if not len(columns.at):
        return columns
    distance = np.maximum(columns.high - average.mean, average.mean - columns.low)
    return part(columns, distance > OUTLYING * np.median(distance) + 1e-12)


def _sums(values: list[float], strength: float) -> tuple[Array, Array]:
    """The sum up to each value, each step back weighing `strength` of the one after it; and that of the weights."""
    import numpy as np

    total = weight = 0.0
    totals, weights = np.empty(len(values)), np.empty(len(values))
    for number, value in enumerate(values):
        total, weight = strength * total + value, strength * weight + 1
        totals[number], weights[number] = total, weight
    return totals, weights


def band(columns: Columns, shares: tuple[Array, Array, Array], width: int, height: int) -> Array:
    """Dots (height, width) from each column's low to its high; `shares` are low, high and mean as parts of the height.

    Neighbors touch, and columns without data are bridged by a straight line unless they are a gap.
    """
    import numpy as np

    dots = np.zeros((height, width), dtype=bool)
    if not len(columns.at):
        return dots
    at, low, high = _join(columns.at, *shares)
    top, bottom = (height - 1) - np.round(np.clip((high, low), -9, 9) * (height - 1))
    rows = np.arange(height)[:, None]
    dots[:, at] = (rows >= top) & (rows <= bottom)
    for first, last in _holes(columns) if len(columns.gaps) else ():
        dots[:, first:last] = False
    return dots


def _holes(columns: Columns) -> list[tuple[int, int]]:
    """The ranges of columns without a curve: between the valid neighbors of a column that has only gaps."""
    import numpy as np

    holes = []
    for gap in np.setdiff1d(columns.gaps, columns.at).tolist():
        after = int(np.searchsorted(columns.at, gap))
        if 0 < after < len(columns.at):
            holes.append((int(columns.at[after - 1]) + 1, int(columns.at[after])))
    return list(dict.fromkeys(holes))


def _join(at: Array, low: Array, high: Array, mean: Array) -> tuple[Array, Array, Array]:
    import numpy as np

    every = np.arange(at[0], at[-1] + 1)
    between = np.interp(every, at, mean)
    lows, highs = between.copy(), between.copy()
    lows[at - at[0]], highs[at - at[0]] = low, high
    middle = (between[1:] + between[:-1]) / 2
    lows[:-1] = np.minimum(lows[:-1], middle)
    lows[1:] = np.minimum(lows[1:], middle)
    highs[:-1] = np.maximum(highs[:-1], middle)
    highs[1:] = np.maximum(highs[1:], middle)
    return every, lows, highs


def points(x: Array, y: Array, width: int, height: int) -> Array:
    """A dot for each point; x and y are parts of the width and height."""
    import numpy as np

    dots = np.zeros((height, width), dtype=bool)
    good = np.isfinite(x) & np.isfinite(y) & (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    columns = np.minimum((x[good] * width).astype(np.int64), width - 1)
    dots[(height - 1) - np.round(y[good] * (height - 1)).astype(np.int64), columns] = True
    return dots


def braille(dots: Array) -> Array:
    """The code points (height / 4, width / 2) of the braille letters that show the dots."""
    import numpy as np

    bits = dots.view(np.uint8)
    left, right = bits[:, 0::2], bits[:, 1::2]
    # The lowest dots have the last two bits, because the first braille letters had three rows.
    upper, lowest = left + 8 * right, 64 * left[3::4] + 128 * right[3::4]
    letters: Array = EMPTY + (upper[0::4] + 2 * upper[1::4] + 4 * upper[2::4] + lowest).astype(np.uint32)
    return letters
