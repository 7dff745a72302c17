"""The area under the ROC curve and the average precision: metrics of the order in which scores put the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def of_classes(scores: Array, labels: Array) -> tuple[Array, Array]:
    """The `ranked` of each class against all others, (classes,) each; scores are (n, classes), labels (n,)."""
    # A column at a time is sorted faster where it lies in one piece.
    columns = np.ascontiguousarray(scores.T)
    found = [ranked(column, labels == number) for number, column in enumerate(columns)]
    areas, precisions = np.array(found).reshape(-1, 2).T
    return areas, precisions


def of_labels(scores: Array, present: Array) -> tuple[Array, Array]:
    """The `ranked` of each label, (labels,) each; scores and `present` are (n, labels)."""
    columns = zip(np.ascontiguousarray(scores.T), np.ascontiguousarray(present.T).astype(bool), strict=True)
    areas, precisions = np.array([ranked(column, positive) for column, positive in columns]).reshape(-1, 2).T
    return areas, precisions


def ranked(scores: Array, positive: Array) -> tuple[float, float]:
    """The area under the ROC curve and the average precision of scores (n,); `positive` says which samples should
    have the high ones. Equal scores stand on one place together. NaN where it is not defined.

    Both follow from how many samples, and how many positive ones, lie below each positive one: two sorts and no curve.
    """
    everything, own = np.sort(scores), np.sort(scores[positive])
    samples, positives = len(everything), len(own)
    if not positives:
        return float("nan"), float("nan")
    below, upto = np.searchsorted(everything, own, "left"), np.searchsorted(everything, own, "right")
    own_below, own_upto = np.searchsorted(own, own, "left"), np.searchsorted(own, own, "right")
    precision = float(np.mean((positives - own_below) / (samples - below)))
    if positives == samples:
        return float("nan"), precision
    beaten = np.sum(below - own_below) + np.sum((upto - below) - (own_upto - own_below)) / 2
    return float(beaten / (positives * (samples - positives))), precision


def mean(values: Array) -> float:
    """The mean of the values that are defined; NaN without any."""
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else float("nan")
