"""Small images of samples, kept beside predictions so that they can be shown without the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SIDE = 64


def of(x: Array, rows: Array) -> Array:
    """The images of these rows, reduced to at most 64 pixels a side; an empty array for data without images."""
    if x.ndim != 4 or x.dtype != np.uint8:
        return np.zeros((0, 0, 0, 0), dtype=np.uint8)
    stride = max(1, -(-max(x.shape[1:3]) // SIDE))
    # Of photos the whole ones would need many times the memory.
    return np.ascontiguousarray(x[:, ::stride, ::stride][rows])
