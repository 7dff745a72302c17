"""The metrics of classification, from logits (n, classes) and class numbers (n,)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.tasks.scores import calibration, counts, ranking
from dltui.core.tasks.scores.softmax import log_softmax

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

TOP = 5


def measure(outputs: Array, targets: Array) -> dict[str, float]:
    """Loss and accuracy."""
    chosen = log_softmax(outputs)[np.arange(len(targets)), targets]
    correct = np.argmax(outputs, axis=1) == targets
    return {"loss": float(-np.mean(chosen)), "accuracy": float(np.mean(correct))}


def report(outputs: Array, targets: Array, names: Collection[str]) -> dict[str, float]:
    """The other metrics with these names, those over classes as plain means over the classes that there are."""
    labels = np.asarray(targets)
    found: dict[str, float] = {}
    if "top5_accuracy" in names and outputs.shape[1] > TOP:
        found["top5_accuracy"] = top_accuracy(outputs, labels, TOP)
    predicted = np.argmax(outputs, axis=1)
    by_count: dict[str, Callable[[Array, Array, int], float]] = {
        "balanced_accuracy": counts.balanced_accuracy,
        "f1": counts.macro_f1,
    }
    found |= {name: by_count[name](labels, predicted, outputs.shape[1]) for name in by_count if name in names}
    if {"auroc", "average_precision", "calibration_error"}.isdisjoint(names):
        return found
    logs = log_softmax(outputs)
    if not {"auroc", "average_precision"}.isdisjoint(names):
        areas, precisions = ranking.of_classes(logs, labels)
        both = {"auroc": ranking.mean(areas), "average_precision": ranking.mean(precisions)}
        found |= {name: value for name, value in both.items() if name in names}
    if "calibration_error" in names:
        confidence = np.exp(logs[np.arange(len(logs)), predicted])
        found["calibration_error"] = calibration.bins(confidence, predicted == labels).error
    return found


def top_accuracy(outputs: Array, labels: Array, most: int) -> float:
    """The share of samples whose class is among the `most` likeliest; in a tie the lower class comes first, as in
    argmax.
    """
    own = outputs[np.arange(len(labels)), labels][:, np.newaxis]
    earlier = np.arange(outputs.shape[1]) < labels[:, np.newaxis]
    before = np.count_nonzero((outputs > own) | ((outputs == own) & earlier), axis=1)
    return float(np.mean(before < most))
