"""Finds samples whose labels are probably wrong, from predictions of a model that was not trained on them.

After confident learning, Northcutt, Jiang & Chuang 2021, https://arxiv.org/abs/1911.00068: a sample is counted for a
class when its probability is at least the mean probability that samples of that class have for it. These counts, the
confident joint, tell how often each label stands where another class is seen. A candidate is a sample for which another
class is more probable than its label. They are ordered by how much more probable it is, times how rarely its label
stands for that class: of classes that look alike a mistake is rather the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.analysis.confusion import labels_of
from dltui.core.analysis.evaluation import damage_as_error
from dltui.core.data.findings.review import SUSPECT, Opinion
from dltui.core.errors import UsageError
from dltui.core.text import clean_line, safe

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

MOST_ROWS = 200
"""The candidates that become rows of a review."""
LEAST = 1e-9
"""The least probability of a label."""
SPLITS = ("validation-best", "test")
"""The predictions files of samples that a run is not trained on."""


@dataclass(frozen=True)
class Candidate:
    """A sample whose label is probably wrong: the class it has, the class that the model sees in it, the probabilities
    of both, and the score by which candidates are ordered.
    """

    split: str
    id: int
    label: int
    proposed: int
    own: float
    probability: float
    score: float
    name: str = ""


@dataclass(frozen=True)
class LabelErrors:
    """The candidates of a run, the likeliest first, among `samples` samples."""

    run: str
    classes: tuple[str, ...]
    samples: int
    candidates: tuple[Candidate, ...]


def of_run(reader: RunReader) -> LabelErrors:
    """The candidates among the samples of the validation and the test split of a refreshed reader's run. Raises
    UsageError for a run without such predictions, RunError for damaged ones.
    """
    name = clean_line(reader.directory.id, 100)
    files = [arrays for split in SPLITS if (arrays := reader.predictions(split)) is not None]
    files = [arrays for arrays in files if "top" in arrays]
    if not files:
        raise UsageError(f"{name} has no predictions of classes yet: label errors are found after an evaluation")
    attempt = reader.history.attempt
    known = (attempt.dataset.get("classes") if attempt else None) or ()
    with damage_as_error():
        classes = labels_of(files[0], known)[2]
        return LabelErrors(name, classes, sum(len(one["ids"]) for one in files), tuple(find(files, known)))


def rows(found: LabelErrors, most: int = MOST_ROWS) -> list[Opinion]:
    """Rows of a `review.csv` for the likeliest candidates, to be judged by a person."""
    return [
        Opinion(
            one.split,
            one.id,
            safe(found.classes[one.label]),
            safe(found.classes[one.proposed]),
            round(one.probability, 4),
            SUSPECT,
            one.name,
        )
        for one in found.candidates[:most]
    ]


def find(files: Iterable[dict[str, Array]], known: Sequence[object] = ()) -> list[Candidate]:
    """The candidates among predictions files. Raises ValueError, KeyError or IndexError for damaged arrays."""
    found: list[Candidate] = []
    for arrays in files:
        labels, top, classes = labels_of(arrays, known)
        found += _of_split(arrays, labels, _chances(top, arrays["probabilities"], len(classes)))
    return sorted(found, key=lambda one: (-one.score, one.split, one.id))


def _chances(top: Array, probabilities: Array, classes: int) -> Array:
    """The probabilities of all classes, float64 (n, classes); what is left for classes that are not among the likeliest
    is shared by them.
    """
    few = top.shape[1]
    rest = np.clip(1 - probabilities.sum(axis=1, dtype=np.float64), 0, 1) / max(classes - few, 1)
    chances = np.repeat(rest[:, np.newaxis], classes, axis=1)
    np.put_along_axis(chances, top.astype(np.int64), probabilities.astype(np.float64), axis=1)
    return chances


def _of_split(arrays: dict[str, Array], labels: Array, chances: Array) -> list[Candidate]:
    rows = np.arange(len(labels))
    proposed, own = chances.argmax(axis=1), chances[rows, labels]
    wrong = np.flatnonzero(chances[rows, proposed] > own)
    odds = np.log(chances[wrong, proposed[wrong]]) - np.log(np.maximum(own[wrong], LEAST))
    scores = odds - np.log(shares(labels, chances)[labels[wrong], proposed[wrong]])
    names = dict(zip(arrays["wrong"].tolist(), arrays.get("names", ()), strict=False))
    split = safe(arrays["split"])
    return [
        Candidate(
            split,
            int(arrays["ids"][row]),
            int(labels[row]),
            int(proposed[row]),
            float(own[row]),
            float(chances[row, proposed[row]]),
            float(score),
            safe(bytes(names.get(row, b"")).decode(errors="replace")),
        )
        for row, score in zip(wrong.tolist(), scores.tolist(), strict=True)
    ]


def thresholds(labels: Array, chances: Array) -> Array:
    """The mean probability of each class among the samples of that class; infinite for a class without samples."""
    counts = np.bincount(labels, minlength=chances.shape[1])
    sums = np.bincount(labels, chances[np.arange(len(labels)), labels], minlength=chances.shape[1])
    found: Array = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    return found


def shares(labels: Array, chances: Array) -> Array:
    """The shares of the labels (rows) among the samples that are counted for each class (columns), from the confident
    joint; one more sample than there is stands in each cell, so that none is zero.
    """
    classes = chances.shape[1]
    counted = np.where(chances >= thresholds(labels, chances), chances, -1.0)
    confident = counted.max(axis=1) >= 0
    joint = np.ones((classes, classes))
    np.add.at(joint, (labels[confident], counted[confident].argmax(axis=1)), 1)
    found: Array = joint / joint.sum(axis=0)
    return found
