"""Metrics from how often each class is true, predicted, and both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def balanced_accuracy(labels: Array, predicted: Array, classes: int) -> float:
    """The mean recall of the classes that have samples."""
    true, _, right = _counted(labels, predicted, classes)
    there = true > 0
    return float(np.mean(right[there] / true[there])) if there.any() else float("nan")


def macro_f1(labels: Array, predicted: Array, classes: int) -> float:
    """The mean F1 of the classes that are true or predicted somewhere."""
    true, said, right = _counted(labels, predicted, classes)
    there = true + said > 0
    return float(np.mean(2 * right[there] / (true + said)[there])) if there.any() else float("nan")


def _counted(labels: Array, predicted: Array, classes: int) -> tuple[Array, Array, Array]:
    """How many samples of each class there are, how many are said to be of it, and how many rightly."""
    right = labels[predicted == labels]
    true, said, both = (np.bincount(values, minlength=classes) for values in (labels, predicted, right))
    return true, said, both


def macro_f1_of_labels(said: Array, present: Array) -> float:
    """The mean F1 of the labels that apply or are said to apply somewhere; both are bool (n, labels)."""
    both, either = np.count_nonzero(said & present, axis=0), said.sum(axis=0) + present.sum(axis=0)
    there = either > 0
    return float(np.mean(2 * both[there] / either[there])) if there.any() else float("nan")
