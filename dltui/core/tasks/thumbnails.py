"""Small images of samples, kept beside predictions so that they can be shown without the dataset."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.tasks.numbers import chunks

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SIDE = 64


def of(x: Array, rows: Array) -> Array:
    """The images of these rows, reduced to at most 64 pixels a side; an empty array for data without images."""
    if x.ndim != 4 or x.dtype != np.uint8:
        return np.zeros((0, 0, 0, 0), dtype=np.uint8)
    stride = max(1, -(-max(x.shape[1:3]) // SIDE))
    small = x[:, ::stride, ::stride]
    found = np.empty((len(rows), *small.shape[1:]), dtype=np.uint8)
    for part in chunks(x, len(rows)):
        # Of photos the whole ones would need many times the memory.
        found[part] = small[rows[part]]
        _let_go(x)
    return found


def _let_go(x: Array) -> None:
    """Unmap what was read of an array in a file, which is read again when needed: it counts as memory of this process,
    of thousands of photos a gigabyte.
    """
    if isinstance(x, np.memmap) and x.mode == "r" and hasattr(mmap, "MADV_DONTNEED"):
        mapped: mmap.mmap = x.__dict__["_mmap"]
        mapped.madvise(mmap.MADV_DONTNEED)
