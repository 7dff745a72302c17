"""Logarithms of probabilities from logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def log_softmax(logits: Array) -> Array:
    """Logarithms of the class probabilities, float64 (n, classes), safe for large logits."""
    shifted = logits.astype(np.float64) - np.max(logits, axis=1, keepdims=True)
    logs: Array = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return logs


def sigmoid(logits: Array) -> Array:
    """The probabilities of labels, float64, safe for large logits; small ones keep their digits."""
    wide = logits.astype(np.float64)
    # Of the size of the smaller of the two, which keeps its digits however small it is.
    small = np.exp(-np.abs(wide))
    chances: Array = np.where(wide >= 0, 1.0, small) / (1 + small)
    return chances
