"""The arithmetic of multi-label classification, with logits (n, labels) and targets 0 or 1 (n, labels)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks import thumbnails
from dltui.core.tasks.numbers import chunks
from dltui.core.tasks.scores import counts, ranking
from dltui.core.tasks.scores.softmax import sigmoid
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract import Spec, Split
    from dltui.core.contract.types import Array

MOST_WRONG = 5_000
"""Samples with a wrong label that are kept, the worst first."""
MOST_NAMED = 5
ENOUGH = 12
"""Fewer outputs lie between 0 and 1 by chance."""
HALF = 0.5
"""The probability above which a label is said to apply."""
PROBABILITIES = "the outputs all lie between 0 and 1, but the loss takes logits: leave sigmoid out of the network"


def measure(outputs: Array, targets: Array, spec: Spec | None = None) -> dict[str, float]:
    """The binary cross-entropy, the share of right labels, and the average precision as a mean of the labels."""
    logits, present = outputs.astype(np.float64), np.asarray(targets) > 0
    # The logarithm of 1 + exp(-|x|) does not overflow.
    losses = np.maximum(logits, 0) - logits * present + np.log1p(np.exp(-np.abs(logits)))
    _, precisions = ranking.of_labels(outputs, present)
    return {
        "loss": float(np.mean(losses)),
        "label_accuracy": float(np.mean((outputs > 0) == present)),
        "average_precision": ranking.mean(precisions),
    }


def report(outputs: Array, targets: Array, names: Collection[str], spec: Spec | None = None) -> dict[str, float]:
    """The other metrics with these names. A label is said to apply where its logit is above 0."""
    said, present = outputs > 0, np.asarray(targets) > 0
    found: dict[str, float] = {}
    if "f1" in names:
        found["f1"] = counts.macro_f1_of_labels(said, present)
    if "micro_f1" in names:
        both, either = np.count_nonzero(said & present), np.count_nonzero(said) + np.count_nonzero(present)
        found["micro_f1"] = 2 * both / either if either else float("nan")
    if "exact_accuracy" in names:
        found["exact_accuracy"] = float(np.mean((said == present).all(axis=1)))
    if "auroc" in names:
        found["auroc"] = ranking.mean(ranking.of_labels(outputs, present)[0])
    return found


def checked(part: str, y: Array, classes: Sequence[str]) -> Array:
    """The targets as uint8."""
    if y.ndim != 2 or y.dtype.kind not in "iufb":
        raise RunError(f"{part} labels must be 0 or 1 in two dimensions (samples, labels), got {y.dtype} {y.shape}")
    if y.shape[1] != len(classes):
        raise RunError(f"{part} samples have {y.shape[1]} labels, but there are names of {len(classes)}")
    for rows in chunks(y):
        bad = np.argwhere((y[rows] != 0) & (y[rows] != 1))
        if len(bad):
            row, label = (int(place) for place in bad[0])
            name, value = clean_line(classes[label], 40), y[rows.start + row, label]
            raise RunError(f"{part} sample {rows.start + row} has {value} for the label {name!r}; 0 or 1 are labels")
    return y.astype(np.uint8, copy=False)


def check_train(y: Array, others: Array, classes: Sequence[str]) -> list[str]:
    """Lines about labels that no train sample has or that all have: nothing is learned about them. Raises RunError if
    that is so of every label.
    """
    present = np.count_nonzero(y, axis=0)
    if np.isin(present, (0, len(y))).all():
        raise RunError("every label applies to no train sample or to all of them; there is nothing to learn")
    told = []
    for which, count in (("no", 0), ("every", len(y))):
        names = [clean_line(classes[label], 40) for label in np.flatnonzero(present == count).tolist()]
        more = ", ..." if len(names) > MOST_NAMED else ""
        told += [f"{which} train sample has the label {', '.join(names[:MOST_NAMED])}{more}"] if names else []
    return told


def empty(rows: int, spec: Spec) -> Array:
    """No label for all."""
    return np.zeros((rows, spec.outputs), np.uint8)


def predictions(outputs: Array, split: Split, spec: Spec | None = None) -> dict[str, Array]:
    """`present` uint8 (n, labels), `chances` float64 (n, labels), so that those near 1 differ still, `wrong` int64 (m,)
    positions of samples with a wrong label, those with most of them and then the most confident first, their
    `thumbnails` and, where the dataset tells, `names` in UTF-8 (m,).
    """
    present, chances = np.asarray(split.y, dtype=np.uint8), sigmoid(outputs)
    apart = np.abs(chances - present)
    number = np.count_nonzero((chances > HALF) != present, axis=1)
    wrong = np.flatnonzero(number)
    wrong = wrong[np.lexsort((-apart[wrong].max(axis=1), -number[wrong]))][:MOST_WRONG]
    names = {} if split.names is None else {"names": np.asarray(split.names[wrong])}
    return names | {
        "present": present,
        "chances": chances,
        "wrong": wrong,
        "thumbnails": thumbnails.of(split.x, wrong),
    }


def answers(outputs: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The labels that apply to each sample, and the probability of every label."""
    found = []
    for row in sigmoid(outputs):
        said = [classes[label] for label in np.flatnonzero(row > HALF).tolist()]
        found.append({"labels": said, "probabilities": dict(zip(classes, row.tolist(), strict=True))})
    return found


def remark(outputs: Array) -> str:
    """A line if the outputs are probabilities already."""
    between = outputs.size >= ENOUGH and ((outputs > 0) & (outputs < 1)).all()
    return PROBABILITIES if between else ""
