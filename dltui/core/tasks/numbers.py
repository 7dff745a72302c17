"""Checks of arrays of numbers, which may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

# Arrays may be larger than memory: they are read in pieces of about this size.
CHUNK_BYTES = 8 << 20


def chunks(array: Array, count: int | None = None) -> Iterator[slice]:
    """Slices that cover `count` (default: all) rows of an array, each of at most about CHUNK_BYTES."""
    count = len(array) if count is None else count
    rows = max(1, CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))


def floats(part: str, what: str, values: Array) -> Array:
    """The values as float32 in two dimensions. Raises RunError naming the row that is not finite."""
    if values.dtype.kind not in "iufb" or values.ndim not in (1, 2):
        raise RunError(f"{part} {what} must be numbers in one or two dimensions, got {values.dtype} {values.shape}")
    # Too large for float32 becomes inf, which the check below names.
    with np.errstate(over="ignore"):
        values = values.astype("<f4", copy=False).reshape(len(values), -1) if len(values) else np.empty((0, 1), "<f4")
    for rows in chunks(values):
        bad = np.flatnonzero(~np.isfinite(values[rows]).all(axis=1))
        if len(bad):
            row = rows.start + int(bad[0])
            raise RunError(f"{part} sample {row} has {what} that are not finite float32 numbers; correct or remove it")
    return values
