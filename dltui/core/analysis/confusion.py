"""Counts which classes a model takes for which: the confusion matrix, and the scores of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dltui.core.text import clean_line, safe

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

LONGEST_NAME = 200


@dataclass(frozen=True)
class Score:
    """The counts of a class: samples (or pixels) that belong to it, that are predicted as it, and that are both."""

    number: int
    name: str
    true: int
    said: int
    hits: int

    @property
    def precision(self) -> float | None:
        """The precision; None where the class was never predicted."""
        return self.hits / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        """The recall; None where no sample belongs to the class."""
        return self.hits / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None for a class without samples and predictions."""
        return 2 * self.hits / (self.true + self.said) if self.true + self.said else None

    @property
    def iou(self) -> float | None:
        """The intersection over union; None for a class without samples and predictions."""
        either = self.true + self.said - self.hits
        return self.hits / either if either else None


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, `counts[true][predicted]`, of a whole split after `epoch` epochs, in a `unit`."""

    split: str
    epoch: int
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    unit: str = "samples"

    @property
    def total(self) -> int:
        return sum(map(sum, self.counts))

    @property
    def right(self) -> int:
        return sum(row[number] for number, row in enumerate(self.counts))

    @property
    def accuracy(self) -> float:
        return self.right / max(self.total, 1)

    @cached_property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """The rows divided by their sums; a row without samples is zeros."""
        sums = [max(sum(row), 1) for row in self.counts]
        return tuple(tuple(count / whole for count in row) for row, whole in zip(self.counts, sums, strict=True))

    def worst(self, most: int) -> list[tuple[int, int, int]]:
        """The most frequent mistakes: count, true class, predicted class."""
        pairs = [
            (count, true, said)
            for true, row in enumerate(self.counts)
            for said, count in enumerate(row)
            if true != said and count
        ]
        return sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))[:most]

    def scores(self) -> list[Score]:
        """The score of each class, in their order."""
        said = [sum(column) for column in zip(*self.counts, strict=True)]
        return [
            Score(number, name, sum(row), said[number], row[number])
            for number, (name, row) in enumerate(zip(self.classes, self.counts, strict=True))
        ]


def class_names(classes: Sequence[object], count: int) -> tuple[str, ...]:
    """A printable single-line name for each of `count` classes; a class without a name gets its number."""
    known = [clean_line(name, LONGEST_NAME) for name in classes[:count]]
    return tuple((known[number] if number < len(known) else "") or str(number) for number in range(count))


def labels_of(arrays: dict[str, Array], known: Sequence[object]) -> tuple[Array, Array, tuple[str, ...]]:
    """True classes (n,), likeliest classes (n, k), and the name of each class that is known or occurs."""
    labels, top = arrays["labels"], arrays["top"]
    size = max(len(known), int(labels.max(initial=-1)) + 1, int(top.max(initial=-1)) + 1)
    return labels, top, class_names(known, size)


def count(arrays: dict[str, Array], known: Sequence[object]) -> Matrix:
    """The confusion matrix of a predictions file. Raises ValueError, KeyError or IndexError for damaged arrays."""
    import numpy as np

    labels, top, classes = labels_of(arrays, known)
    size = len(classes)
    counts = np.bincount(labels * size + top[:, 0], minlength=size * size).reshape(size, size)
    return Matrix(safe(arrays["split"]), int(arrays["epoch"]), classes, tuple(map(tuple, counts.tolist())))
