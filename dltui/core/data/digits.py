"""Numbers that float32 would rob of the digits in which they differ, such as seconds since 1970: what is taken off them
first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Target
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract.types import Array

COARSE = 1e-3
"""The largest rounding error of float32 as a part of the deviation of a column."""
ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""The deviation, as a part of the numbers, up to which those of float64 differ by their own rounding alone."""
_HALF = 32
"""The bits of a half of a whole number."""


def offsets(train: Array) -> Array:
    """What to take from each column of the train rows, finite numbers (n, columns), so that float32 keeps the digits in
    which they differ: float64 (columns,), the mean, as a whole number where that is near enough; 0 where float32 keeps
    them anyway, and for a column of one number.
    """
    if not len(train) or np.can_cast(train.dtype, np.float32):
        return np.zeros(train.shape[1])
    return np.array([_offset(train[:, place]) for place in range(train.shape[1])])


def _offset(column: Array) -> float:
    first, is_whole = column[0].item(), column.dtype.kind != "f"
    with np.errstate(all="ignore"):
        away, differ = distances(column, first), spread(column)
        lost = float(np.abs(column.astype(np.float32).astype(np.float64) - float(first) - away).max())
        if not (differ and np.isfinite(lost) and lost > COARSE * differ):
            return 0.0
        mean = first + (round(float(away.mean())) if is_whole else float(away.mean()))
        left = distances(column, round(mean))
        is_near = float(np.abs(left.astype(np.float32) - left).max()) <= COARSE * differ
    return float(round(mean)) if is_near else float(mean)


def spread(column: Array) -> float:
    """The deviation of finite numbers (n,); 0 where they differ by the rounding of float64 alone."""
    with np.errstate(all="ignore"):
        found = float(distances(column, column[0].item()).std())
        is_whole = column.dtype.kind != "f" or bool((column == np.rint(column)).all())
        return found if is_whole or found > ROUNDING * float(np.abs(column).max()) else 0.0


def distances(values: Array, zeros: Array | Sequence[float] | float) -> Array:
    """The distances of numbers (..., columns) from a number for each column, float64: of whole numbers, too, whose
    digits float64 cannot keep.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
        return np.asarray(values.astype(np.float64) - zeros)
    known = [int(zero) for zero in np.asarray(zeros, dtype=object).reshape(-1)]
    high = np.array([zero >> _HALF for zero in known], dtype=np.float64)
    low = np.array([zero & (2**_HALF - 1) for zero in known], dtype=np.float64)
    return np.asarray(((values >> _HALF) - high) * 2.0**_HALF + ((values & (2**_HALF - 1)) - low))


def note(what: str, taken: float) -> str:
    """The line about numbers from which something is taken, `what` such as "column 'time'"."""
    return f"{what} has more digits than float32: taken as the distance from {taken:.15g}"


def shift_targets(
    parts: Mapping[str, tuple[Any, Any]], targets: tuple[Target, ...]
) -> tuple[dict[str, tuple[Any, Any]], tuple[Target, ...], list[str]]:
    """The parts, (x, y) by their names, and targets of a regression as float32 can keep them, and notes. What is taken
    from y is the `offset` of its Target. What is no y (n,) or (n, targets) of numbers stays, to be refused.
    """
    given = {name: np.asanyarray(y) for name, (_, y) in parts.items()}
    if any(y.dtype.kind not in "iuf" or y.ndim not in (1, 2) or not y.size for y in given.values()):
        return dict(parts), targets, []
    rows = {name: y.reshape(len(y), -1) for name, y in given.items()}
    count = rows["train"].shape[1]
    if any(y.shape[1] != count for y in rows.values()) or len(targets) not in (0, count):
        return dict(parts), targets, []
    taken = offsets(rows["train"])
    if not taken.any():
        return dict(parts), targets, []
    known = list(zip(targets or (Target(""),) * count, taken.tolist(), strict=True))
    notes = [note(f"target {clean_line(repr(one.name), 60)}" if one.name else "the target", off)
             for one, off in known if off]  # fmt: skip
    shifted = {name: (x, distances(rows[name], taken)) for name, (x, _) in parts.items()}
    # A target without a mean is learned as it is.
    moved = (replace(one, mean=one.mean - off if one.mean else 0.0, offset=one.offset + off) for one, off in known)
    return shifted, tuple(moved), notes
