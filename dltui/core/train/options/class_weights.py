"""The weights of the classes in the loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.text import clean_line, plural

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

BALANCED = "balanced"
LARGEST = 1e6
"""Far beyond any ratio of classes that can be trained, and far below what overflows in the mean over the rows."""


def parse(text: str, classes: int = 0) -> list[float] | None:
    """The numbers of "1,1,2.5"; None for "balanced". `classes` is their number where it is known. Raises UsageError."""
    if text.strip() == BALANCED:
        return None
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) and number >= 0 for number in numbers) or not any(numbers):
        raise UsageError(f"class_weights takes balanced, or a number a class: 1,1,2.5, not {clean_line(text, 50)}")
    if max(numbers) > LARGEST:
        raise UsageError(
            f"class_weights takes numbers up to {LARGEST:,.0f}, not {max(numbers):g}; only their ratios count"
        )
    if classes and len(numbers) != classes:
        given = plural(len(numbers), "number")
        raise UsageError(f"class_weights has {given}, the dataset has {classes} classes; give one a class, or balanced")
    return numbers


def weights(text: str, targets: Array, classes: int) -> Array | None:
    """The weight of each class, float64 (classes,), with a mean of 1 over the training rows, so that the learning rate
    keeps its meaning; None for "". "balanced" is samples / (classes * samples of the class), as in scikit-learn; a
    class without rows has 0. Raises UsageError where the count is wrong.
    """
    if not text.strip():
        return None
    import numpy as np

    counts = np.bincount(np.asarray(targets), minlength=classes).astype(np.float64)
    numbers = parse(text, classes)
    balanced = np.divide(1.0, counts, out=np.zeros(classes), where=counts > 0)
    values = balanced if numbers is None else np.asarray(numbers)
    total = float((counts * values).sum())
    if total <= 0:
        raise UsageError("class_weights gives every training row the weight 0")
    return np.asarray(values * counts.sum() / total)
