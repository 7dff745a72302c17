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
    """The probabilities of labels, float64, safe for large logits."""
    halves: Array = (1 + np.tanh(logits.astype(np.float64) / 2)) / 2
    return halves
