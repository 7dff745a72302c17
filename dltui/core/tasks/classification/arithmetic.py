"""The arithmetic of classification, with logits (n, classes) and class numbers (n,)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks import thumbnails
from dltui.core.tasks.scores import calibration, counts, ranking
from dltui.core.tasks.scores.softmax import log_softmax

if TYPE_CHECKING:
    from dltui.core.contract import Spec, Split
    from dltui.core.contract.types import Array

TOP = 5
ANSWERS = 3
"""The classes that a prediction names."""
MOST_THUMBNAILS = 5_000
PROBABILITIES = (
    "the outputs are probabilities (each row adds up to 1), but the loss takes logits: leave softmax out of the network"
)


def measure(outputs: Array, targets: Array, spec: Spec | None = None) -> dict[str, float]:
    """Loss and accuracy."""
    chosen = log_softmax(outputs)[np.arange(len(targets)), targets]
    correct = np.argmax(outputs, axis=1) == targets
    return {"loss": float(-np.mean(chosen)), "accuracy": float(np.mean(correct))}


def report(outputs: Array, targets: Array, names: Collection[str], spec: Spec | None = None) -> dict[str, float]:
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


def _remedy(y: Array) -> str:
    """The way to labels from what was given in their place."""
    if y.dtype.kind in "USO":
        return "number them from 0, and give their names as Arrays(classes=...)"
    return "y.argmax(axis=1) makes them of one-hot rows" if y.ndim == 2 else "y.astype(int) makes them of other numbers"


def checked(part: str, y: Array, classes: Sequence[str]) -> Array:
    """The labels as int64."""
    if y.ndim != 1 or y.dtype.kind not in "iu":
        given = f"{part} labels must be whole numbers in one dimension, got {y.dtype} {y.shape}"
        raise RunError(f"{given}; {_remedy(y)}")
    bad = np.flatnonzero((y < 0) | (y >= len(classes)))
    if len(bad):
        row, known = int(bad[0]), f"there are classes 0 to {len(classes) - 1} only"
        raise RunError(f"{part} sample {row} has the label {int(y[row])}, but {known}")
    return y.astype("<i8", copy=False)


def check_train(y: Array, others: Array, classes: Sequence[str]) -> list[str]:
    """Raise RunError if all samples are of one class."""
    if (y == y[0]).all():
        raise RunError(f"every train sample has the class {classes[int(y[0])]!r}; two classes are needed")
    return []


def empty(rows: int, spec: Spec) -> Array:
    """The first class for all."""
    return np.zeros(rows, np.int64)


def predictions(outputs: Array, split: Split, spec: Spec | None = None) -> dict[str, Array]:
    """`labels` int64 (n,), `top` int32 (n, k) and `probabilities` float32 (n, k) of the k <= 5 likeliest classes,
    `wrong` int64 (m,) positions of the mistakes, most confident first, their `thumbnails` uint8 (m, h, w, c) and, where
    the dataset tells, `names` in UTF-8 (m,).
    """
    labels = np.asarray(split.y, dtype=np.int64)
    count = min(TOP, outputs.shape[1])
    # A stable sort of the negated logits keeps the lower class first in a tie, as argmax does.
    top = np.argsort(-outputs, axis=1, kind="stable")[:, :count].astype(np.int32)
    probabilities = np.exp(np.take_along_axis(log_softmax(outputs), top, axis=1)).astype(np.float32)
    wrong = np.flatnonzero(top[:, 0] != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, 0], kind="stable")][:MOST_THUMBNAILS]
    names = {} if split.names is None else {"names": np.asarray(split.names[wrong])}
    return names | {
        "labels": labels,
        "top": top,
        "probabilities": probabilities,
        "wrong": wrong,
        "thumbnails": thumbnails.of(split.x, wrong),
    }


def answers(outputs: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The likeliest classes of each sample, with their probabilities; in a tie the lower class comes first."""
    # By the logits: where these differ still, their probabilities may be equal.
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :ANSWERS]
    chances = np.exp(log_softmax(outputs))
    return [
        {"best": [{"class": classes[n], "probability": float(row[n])} for n in order]}
        for order, row in zip(best, chances, strict=True)
    ]


def remark(outputs: Array) -> str:
    """A line if the outputs are probabilities already."""
    sums = outputs.sum(axis=1)
    found = outputs.shape[1] > 1 and (outputs >= 0).all() and (np.abs(sums - 1) < 1e-4).all()
    return PROBABILITIES if found else ""
