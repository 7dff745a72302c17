"""Multi-label predictions: how well each label is found, at which threshold best, and the samples that are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.tasks.multilabel.arithmetic import HALF
from dltui.core.tasks.scores import ranking
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


@dataclass(frozen=True)
class Score:
    """A label: how many samples have it, how well it is ranked, and precision, recall and F1 at one half; None where
    they are not defined. `threshold` has the best F1 on the samples by which it was chosen, `best_f1` is the F1 there.
    """

    number: int
    name: str
    samples: int
    average_precision: float | None
    auroc: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    best_f1: float | None


@dataclass(frozen=True)
class Wrong:
    """A sample with wrong labels: those that it has and that were missed, and those that it does not have but was said
    to have, each with its probability.
    """

    position: int
    id: int
    name: str
    missed: tuple[tuple[str, float], ...]
    invented: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Labels:
    """The predictions of a split. `present` bool and `chances` float64 are (n, labels)."""

    split: str
    epoch: int
    names: tuple[str, ...]
    present: Array
    chances: Array
    scores: tuple[Score, ...]
    chosen_on: str
    """The split on which the thresholds were chosen."""
    wrong: tuple[Wrong, ...] = field(default=())
    images: Any = field(default=(), repr=False)
    """Those of the wrong samples, uint8 (m, h, w, c); empty for data without images."""

    @cached_property
    def mean_average_precision(self) -> float:
        known = [score.average_precision for score in self.scores if score.average_precision is not None]
        return float(np.mean(known)) if known else float("nan")

    def curve(self, number: int) -> tuple[Array, Array]:
        """The precision-recall curve of a label: recalls, which grow, and precisions."""
        return curve(self.chances[:, number], self.present[:, number])


def find(arrays: Mapping[str, Array], known: Sequence[object], chosen: Mapping[str, Array] | None = None) -> Labels:
    """The labels of the arrays of a predictions file; the thresholds are chosen on the arrays `chosen`, or on these
    themselves.
    """
    present, chances = np.asarray(arrays["present"]).astype(bool), np.asarray(arrays["chances"])
    if present.shape != chances.shape or present.ndim != 2:
        raise ValueError(f"labels {present.shape} and probabilities {chances.shape} have different shapes")
    count = present.shape[1]
    names = tuple(clean_line(known[n], 200) if n < len(known) else f"label {n}" for n in range(count))
    fits = chosen is not None and "present" in chosen and chosen["present"].shape[1:] == (count,)
    by = chosen if fits and chosen is not None else arrays
    thresholds = [
        best_threshold(np.asarray(by["chances"])[:, n], np.asarray(by["present"])[:, n] > 0) for n in range(count)
    ]
    scores = tuple(_score(n, names[n], present[:, n], chances[:, n], thresholds[n]) for n in range(count))
    return Labels(
        clean_line(arrays["split"]), int(arrays["epoch"]), names, present, chances, scores, clean_line(by["split"]),
        _wrong(arrays, names, present, chances), _images(arrays),
    )  # fmt: skip


def _images(arrays: Mapping[str, Array]) -> Any:
    images = arrays.get("thumbnails", ())
    return images if len(images) == len(arrays["wrong"]) else images[:0]


def curve(chances: Array, present: Array) -> tuple[Array, Array]:
    """Recalls and precisions at each threshold that a probability gives, the highest first."""
    hits, said, _ = _steps(chances, present)
    return hits / max(int(present.sum()), 1), hits / said


def best_threshold(chances: Array, present: Array) -> float | None:
    """The probability from which a label should be said to apply for the best F1; None if no sample has it."""
    if not present.any():
        return None
    hits, said, thresholds = _steps(chances, present)
    return float(thresholds[int(np.argmax(2 * hits / (said + present.sum())))])


def _steps(chances: Array, present: Array) -> tuple[Array, Array, Array]:
    """At each threshold that a probability gives, the highest first: the samples that have the label and are said to
    have it, all that are said to have it, and the threshold.
    """
    order = np.argsort(-chances, kind="stable")
    hits, scores = np.cumsum(present[order]), chances[order]
    # Equal probabilities are taken together.
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1) if len(scores) else np.zeros(0, np.int64)
    return hits[ends], ends + 1, scores[ends]


def _score(number: int, name: str, present: Array, chances: Array, threshold: float | None) -> Score:
    area, precision = ranking.ranked(chances, present)
    half = _at(chances > HALF, present)
    best = _at(chances >= threshold, present)[2] if threshold is not None else None
    return Score(
        number, name, int(present.sum()), _known(precision), _known(area), *half, threshold=threshold, best_f1=best
    )


def _at(said: Array, present: Array) -> tuple[float | None, float | None, float | None]:
    """Precision, recall and F1."""
    both, told, there = int((said & present).sum()), int(said.sum()), int(present.sum())
    return (
        both / told if told else None,
        both / there if there else None,
        2 * both / (told + there) if told + there else None,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _wrong(arrays: Mapping[str, Array], names: Sequence[str], present: Array, chances: Array) -> tuple[Wrong, ...]:
    """The wrong samples in the order of the file, the worst first."""
    called = arrays.get("names")
    found = []
    for place, position in enumerate(np.asarray(arrays["wrong"]).tolist()):
        said = chances[position] > HALF
        missed, invented = (
            tuple((names[n], float(chances[position, n])) for n in np.flatnonzero(which).tolist())
            for which in (present[position] & ~said, said & ~present[position])
        )
        text = bytes(called[place]).decode("utf-8", "replace") if called is not None else ""
        found.append(Wrong(position, int(arrays["ids"][position]), clean_line(text, 200), missed, invented))
    return tuple(found)
