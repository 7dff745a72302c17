"""The confusion matrix of the pixels of all masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.analysis.confusion import Matrix, class_names
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def matrix(arrays: Mapping[str, Array], known: Sequence[object]) -> Matrix:
    """The confusion matrix of all pixels that count. Raises ValueError or KeyError for damaged arrays."""
    counts = np.asarray(arrays["confusion"])
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not len(counts) or (counts < 0).any():
        raise ValueError(f"a confusion matrix of shape {counts.shape}")
    names = class_names(known, len(counts))
    rows = tuple(map(tuple, counts.tolist()))
    return Matrix(clean_line(arrays["split"]), int(arrays["epoch"]), names, rows, "pixels")
