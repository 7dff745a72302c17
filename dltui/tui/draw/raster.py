"""Reduces a series to the columns of dots of the plot, by minimum and maximum, so that a spike survives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


OUTLYING = 4.0
"""Times the usual distance from the average."""
EMPTY = 0x2800
"""The braille letter without a dot."""
DOTS = 4
"""The dots of a letter from top to bottom."""


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


@lru_cache(maxsize=64)
def _borders(start: float, end: float, width: int) -> Array:
    """Where the columns begin, and the last one ends."""
    import numpy as np

    borders: Array = start + (end - start) / width * np.arange(width + 1)
    borders[-1] = end + (end - start) * 1e-9
    return borders


def thin(x: Array, low: Array, high: Array, y: Array, ends: tuple[float, float], width: int) -> Columns:
    """Reduce points with x between the `ends`, in rising order, to `width` columns. NaNs become gaps.

    Only the borders of the columns are looked for, so that a million points cost little more than their minima.
    """
    import numpy as np

    cuts = x.searchsorted(_borders(*ends, width))
    first, last = int(cuts[0]), int(cuts[-1])
    low, high, y = low[first:last], high[first:last], y[first:last]
    cuts -= first
    good = np.isfinite(y)
    gaps = np.zeros(0, dtype=np.int64)
    if not good.all():
        gaps = np.unique(np.searchsorted(cuts, np.flatnonzero(~good), side="right") - 1)
        cuts = np.concatenate([[0], np.cumsum(good)])[cuts]
        low, high, y = low[good], high[good], y[good]
    counts = cuts[1:] - cuts[:-1]
    at = counts.nonzero()[0]
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

    def add(total: float, value: float) -> float:
        return strength * total + value

    before, after = np.array(list(accumulate(values, add))), np.array(list(accumulate(values[::-1], add)))
    weights = _weights(len(values), strength)
    both = (before + after[::-1] - columns.mean) / (weights + weights[::-1] - 1)
    return Columns(columns.at, both, both, both, columns.gaps)


@lru_cache(maxsize=64)
def _weights(count: int, strength: float) -> Array:
    """The weight of all values up to each, of which each step back weighs `strength` of the one after it."""
    import numpy as np

    return np.array(list(accumulate([1.0] * count, lambda total, one: strength * total + one)))


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


@dataclass(frozen=True)
class Band:
    """The dots between two curves. Of each column of dots from `first` on it has the uppermost and the lowest dot,
    counted from the top; a column without dots has its uppermost below its lowest.
    """

    first: int
    top: Array
    bottom: Array


def band(columns: Columns, shares: tuple[Array, Array, Array], height: int, joined: bool = True) -> Band:
    """The dots of a plot of `height` dots from each column's low to its high; `shares` are low, high and mean as parts
    of the height. `joined`: neighbors touch, and columns without data are bridged by a straight line unless they are a
    gap.
    """
    import numpy as np

    at = columns.at
    if not len(at):
        return Band(0, at, at)
    low, high = _join(at, *shares) if joined else shares[:2]
    lowest = height - 1
    # Numbers that are none have no dot.
    top = np.fmax(np.fmin(lowest - np.rint(high * lowest), height), 0).astype(np.intp)
    bottom = np.fmin(np.fmax(lowest - np.rint(low * lowest), -1), lowest).astype(np.intp)
    if not joined:
        tops = np.full(at[-1] + 1 - at[0], height)
        bottoms = np.full(len(tops), -1)
        tops[at - at[0]], bottoms[at - at[0]] = top, bottom
        return Band(int(at[0]), tops, bottoms)
    for first, last in _holes(columns) if len(columns.gaps) else ():
        top[first - at[0] : last - at[0]] = height
    return Band(int(at[0]), top, bottom)


def _holes(columns: Columns) -> list[tuple[int, int]]:
    """The ranges of columns without a curve: between the valid neighbors of a column that has only gaps."""
    import numpy as np

    holes = []
    for gap in np.setdiff1d(columns.gaps, columns.at).tolist():
        after = int(np.searchsorted(columns.at, gap))
        if 0 < after < len(columns.at):
            holes.append((int(columns.at[after - 1]) + 1, int(columns.at[after])))
    return list(dict.fromkeys(holes))


def _join(at: Array, low: Array, high: Array, mean: Array) -> tuple[Array, Array]:
    """The low and the high of every column from the first to the last."""
    import numpy as np

    if len(at) <= at[-1] - at[0]:
        every = np.arange(at[0], at[-1] + 1)
        between = np.interp(every, at, mean)
        lows, highs = between.copy(), between.copy()
        lows[at - at[0]], highs[at - at[0]] = low, high
    else:
        between, lows, highs = mean, low.copy(), high.copy()
    middle = (between[1:] + between[:-1]) / 2
    for values, nearer in ((lows, np.minimum), (highs, np.maximum)):
        nearer(values[:-1], middle, out=values[:-1])
        nearer(values[1:], middle, out=values[1:])
    return lows, highs


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
    bits = dots.view("u1")
    return _letters(bits[0::4] + 2 * bits[1::4] + 4 * bits[2::4] + 8 * bits[3::4])


def braille_band(band: Band, rows: int) -> tuple[int, Array]:
    """The first column of letters of a band, and the code points (rows, columns) of the braille letters from there."""
    import numpy as np

    aside, count = band.first % 2, len(band.top)
    # Whole letters, with an empty column where they begin or end with half a one.
    top, bottom = np.full((2, (aside + count + 1) // 2 * 2), -1)
    top[:] = DOTS * rows
    top[aside : aside + count], bottom[aside : aside + count] = band.top, band.bottom
    upper = DOTS * np.arange(rows)[:, None]
    below, above, _ = _tables()
    return band.first // 2, _letters(below.take(top - upper, mode="clip") & above.take(bottom - upper + 1, mode="clip"))


def _letters(columns: Array) -> Array:
    """The letters of columns of four dots, whose bits begin with the uppermost."""
    letters: Array = _tables()[2].take(columns[:, 0::2] + 16 * columns[:, 1::2])
    return letters


@cache
def _tables() -> tuple[Array, Array, Array]:
    """Of four dots those from each on, those before each, as bits; and the letter of two such columns."""
    import numpy as np

    every = range(DOTS + 1)
    below = np.array([15 >> number << number for number in every], dtype=np.uint8)
    above = np.array([(1 << number) - 1 for number in every], dtype=np.uint8)
    # The lowest dots have the last two bits, because the first braille letters had three rows.
    left = [number & 7 | number >> 3 << 6 for number in range(16)]
    right = [(number & 7) << 3 | number >> 3 << 7 for number in range(16)]
    return below, above, np.array([EMPTY + one + two for two in right for one in left], dtype=np.uint32)
