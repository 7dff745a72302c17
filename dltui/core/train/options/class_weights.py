"""The weights of the classes in the loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

BALANCED = "balanced"


def parse(text: str) -> list[float] | None:
    """The numbers of "1,1,2.5"; None for "balanced". Raises UsageError."""
    if text.strip() == BALANCED:
        return None
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) and number >= 0 for number in numbers) or not any(numbers):
        raise UsageError(f"class_weights takes balanced, or a number a class: 1,1,2.5, not {clean_line(text, 50)}")
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
    numbers = parse(text)
    if numbers is None:
        values = np.divide(1.0, counts, out=np.zeros(classes), where=counts > 0)
    elif len(numbers) != classes:
        raise UsageError(f"class_weights has {len(numbers)} numbers, the dataset has {classes} classes")
    else:
        values = np.asarray(numbers)
    total = float((counts * values).sum())
    if total <= 0:
        raise UsageError("class_weights gives every training row the weight 0")
    return np.asarray(values * counts.sum() / total)
