"""Evaluates the predictions of a run: which samples count, the confusion matrix, the mistakes, and the fit of a
regression. All of it is computed here and nowhere else, so that a screen and a figure cannot show different numbers
of the same run.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from dltui.core.analysis.mistakes import Mistake, Mistakes
from dltui.core.analysis.review import NAME, Key, Opinion, read_review
from dltui.core.errors import DltuiError, RunError
from dltui.core.text import clean_line, safe

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

MOST_POINTS = 5_000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Score:
    """The counts of a class: samples that belong to it, samples predicted as it, and samples that are both."""

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


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, `counts[true][predicted]`, of a whole split after `epoch` epochs."""

    split: str
    epoch: int
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

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


class Point(NamedTuple):
    """A sample of a regression; `x` is None where the model has several inputs, `residual` is measured - predicted."""

    x: float | None
    measured: float
    predicted: float
    residual: float


@dataclass(frozen=True, eq=False)
class Fit:
    """A regression of a whole split, after `epoch` epochs: x (n, features), y and prediction (n, outputs)."""

    split: str
    epoch: int
    x: Array
    y: Array
    prediction: Array

    @cached_property
    def line(self) -> tuple[float, float] | None:
        """Slope and intercept of a model that is a straight line; None for other models."""
        return fitted_line(self.x, self.prediction)

    @cached_property
    def residuals(self) -> Array:
        """Measured minus predicted, float64 (n, outputs)."""
        import numpy as np

        with np.errstate(all="ignore"):
            return self.y.astype(np.float64) - self.prediction

    @cached_property
    def mse(self) -> float:
        """The mean of the squared residuals of all outputs."""
        import numpy as np

        with np.errstate(all="ignore"):
            return float(np.mean(np.square(self.residuals)))

    @cached_property
    def spread(self) -> float:
        """The standard deviation of the residuals of the first output."""
        import numpy as np

        with np.errstate(all="ignore"):
            return float(np.std(self.residuals[:, 0]))

    @cached_property
    def points(self) -> list[Point]:
        """The first output of the first thousands of samples: as many as a chart can show."""
        return self._points(range(min(len(self.y), MOST_POINTS)))

    def worst(self, most: int) -> list[Point]:
        """The samples with the largest residuals of the first output, the largest first."""
        import numpy as np

        return self._points(np.argsort(-np.abs(self.residuals[:, 0]), kind="stable")[:most].tolist())

    def _points(self, rows: Sequence[int]) -> list[Point]:
        single = self.x.shape[1] == 1
        columns = (self.y, self.prediction, self.residuals)
        return [
            Point(float(self.x[row, 0]) if single else None, *(float(column[row, 0]) for column in columns))
            for row in rows
        ]


def fitted_line(x: Array, prediction: Array) -> tuple[float, float] | None:
    """Slope and intercept of predictions whose one output is a straight line of their one feature; None for others."""
    import numpy as np

    if x.shape[1] != 1 or prediction.shape[1] != 1:
        return None
    across, up = x[:, 0].astype(np.float64), prediction[:, 0].astype(np.float64)
    # Values of one x lie on a line of any slope.
    if not (np.isfinite(across).all() and np.isfinite(up).all()) or len(np.unique(across)) < 2:
        return None
    with np.errstate(all="ignore"):
        # Around the mean, so that points far from zero and close together lose no digits.
        middle, level = across.mean(), up.mean()
        away = across - middle
        slope = float(np.dot(away, up - level) / np.dot(away, away))
        intercept = float(level - slope * middle)
        bend = float(np.abs(slope * away + level - up).max())
        straight = bend <= 1e-4 * max(float(np.ptp(up)), float(np.abs(up).max()) * 1e-2, 1e-12)
    return (slope, intercept) if straight and math.isfinite(slope) and math.isfinite(intercept) else None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The predictions of a split, with everything computed from them; each part is computed when first used.

    `arrays` are those of a predictions file, `known` the names that the dataset gives its classes. All raise RunError
    for arrays that do not fit together.
    """

    arrays: dict[str, Array]
    known: Sequence[object] = ()

    @cached_property
    def matrix(self) -> Matrix | None:
        """The confusion matrix; None for a regression."""
        if "labels" not in self.arrays:
            return None
        with _damage_as_error():
            return _matrix(self.arrays, self.known)

    @cached_property
    def mistakes(self) -> Mistakes | None:
        """The wrong samples, the most confident mistakes first; None for a regression."""
        if "labels" not in self.arrays:
            return None
        with _damage_as_error():
            return _mistakes(self.arrays, self.known)

    @cached_property
    def fit(self) -> Fit | None:
        """The measured and the predicted numbers; None for a classification."""
        if "prediction" not in self.arrays:
            return None
        with _damage_as_error():
            return _fit(self.arrays)


def latest(reader: RunReader) -> Evaluation | None:
    """The evaluation of the test split if it exists, else of the latest validation; None before the first evaluation.

    A test file from before a run was resumed is of other weights: it counts only when the log has its result. Raises
    RunError for a damaged file.
    """
    arrays = reader.predictions("test") if reader.history.test else None
    if arrays is None:
        arrays = reader.predictions("validation-latest")
    attempt = reader.history.attempt
    known = attempt.dataset.get("classes") or () if attempt else ()
    return Evaluation(arrays, known) if arrays is not None else None


class LatestEvaluation:
    """The latest evaluation of a running run; results are reused while the predictions file is unchanged."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._latest: Evaluation | None = None
        self._review: tuple[tuple[int, int] | None, dict[Key, Opinion]] = (None, {})

    def matrix(self) -> Matrix | None:
        found = self._look()
        return found.matrix if found else None

    def mistakes(self) -> Mistakes | None:
        found = self._look()
        return found.mistakes if found else None

    def fit(self) -> Fit | None:
        found = self._look()
        return found.fit if found else None

    def review(self, folder: Path) -> dict[Key, Opinion]:
        """The opinions in the run's export folder, read again when the file has changed. Raises UsageError."""
        try:
            found = (folder / NAME).stat()
            key = (found.st_mtime_ns, found.st_ino)
        except OSError:
            key = None
        if key != self._review[0]:
            self._review = (key, read_review(folder) if key else {})
        return self._review[1]

    def _look(self) -> Evaluation | None:
        """Load the latest evaluation; a damaged file counts as none."""
        try:
            found = latest(self._reader)
        except DltuiError:
            found = None
        if found is None or self._latest is None or found.arrays is not self._latest.arrays:
            self._latest = found
        return self._latest


def class_names(classes: Sequence[object], count: int) -> tuple[str, ...]:
    """A printable single-line name for each of `count` classes; a class without a name gets its number."""
    known = [clean_line(name, LONGEST_NAME) for name in classes[:count]]
    return tuple((known[number] if number < len(known) else "") or str(number) for number in range(count))


@contextlib.contextmanager
def _damage_as_error() -> Iterator[None]:
    """Raise RunError with a one-line message for arrays that do not fit together."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise RunError(f"the predictions are damaged: {clean_line(error, 200)}") from error


def _labels(arrays: dict[str, Array], known: Sequence[object]) -> tuple[Array, Array, tuple[str, ...]]:
    """True classes (n,), likeliest classes (n, k), and the name of each class that is known or occurs."""
    labels, top = arrays["labels"], arrays["top"]
    size = max(len(known), int(labels.max(initial=-1)) + 1, int(top.max(initial=-1)) + 1)
    return labels, top, class_names(known, size)


def _matrix(arrays: dict[str, Array], known: Sequence[object]) -> Matrix:
    import numpy as np

    labels, top, classes = _labels(arrays, known)
    size = len(classes)
    counts = np.bincount(labels * size + top[:, 0], minlength=size * size).reshape(size, size)
    return Matrix(safe(arrays["split"]), int(arrays["epoch"]), classes, tuple(map(tuple, counts.tolist())))


def _mistakes(arrays: dict[str, Array], known: Sequence[object]) -> Mistakes:
    """The mistakes in the order of `wrong`, which is by confidence: only the first thousands keep their images in the
    file.
    """
    labels, top, classes = _labels(arrays, known)
    wrong, images = arrays["wrong"], arrays["thumbnails"]
    names = [safe(bytes(name).decode(errors="replace")) for name in arrays.get("names", ())]
    found = zip(
        arrays["ids"][wrong].tolist(),
        labels[wrong].tolist(),
        top[wrong].tolist(),
        arrays["probabilities"][wrong].tolist(),
        names if len(names) == len(wrong) else [""] * len(wrong),
        strict=True,
    )
    return Mistakes(
        safe(arrays["split"]),
        int(arrays["epoch"]),
        classes,
        tuple(
            Mistake(identity, true, tuple(zip(said, chances, strict=True)), number, name)
            for number, (identity, true, said, chances, name) in enumerate(found)
        ),
        len(labels),
        int((top[:, 0] != labels).sum()),
        images if len(images) == len(wrong) else images[:0],
    )


def _fit(arrays: dict[str, Array]) -> Fit:
    x, y, prediction = (
        array.reshape(len(array), math.prod(array.shape[1:]))
        for array in (arrays["x"], arrays["y"], arrays["prediction"])
    )
    if y.shape != prediction.shape or len(x) != len(y):
        raise ValueError(f"{len(x)} inputs, targets {y.shape}, predictions {prediction.shape}")
    return Fit(safe(arrays["split"]), int(arrays["epoch"]), x, y, prediction)
