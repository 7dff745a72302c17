"""What a model says about a split: the confusion matrix of classes, the fit of numbers; from the run's predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.analysis.mistakes import Mistakes, class_names, mistakes
from dltui.core.analysis.review import NAME, Key, Opinion, read_review
from dltui.core.errors import DltuiError, RunError
from dltui.core.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader


MOST_POINTS = 5_000


@dataclass(frozen=True)
class Score:
    """A class: how many samples are of it, how many were said to be, and how many were both."""

    number: int
    name: str
    true: int
    said: int
    hits: int

    @property
    def precision(self) -> float | None:
        """None where the class was never said."""
        return self.hits / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        """None where no sample is of the class."""
        return self.hits / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both; None for a class that neither is nor was said."""
        return 2 * self.hits / (self.true + self.said) if self.true + self.said else None


@dataclass(frozen=True)
class Matrix:
    """`counts[true][said]` of a whole split, after `epoch` epochs."""

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

    def worst(self, most: int) -> list[tuple[int, int, int]]:
        """The most frequent mistakes: count, true class, said class."""
        pairs = [
            (count, true, said)
            for true, row in enumerate(self.counts)
            for said, count in enumerate(row)
            if true != said and count
        ]
        return sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))[:most]

    def scores(self) -> list[Score]:
        """Each class, in their order."""
        said = [sum(column) for column in zip(*self.counts, strict=True)]
        return [
            Score(number, name, sum(row), said[number], row[number])
            for number, (name, row) in enumerate(zip(self.classes, self.counts, strict=True))
        ]


@dataclass(frozen=True)
class Fit:
    """A regression: what was measured and what the model says, of a split after `epoch` epochs."""

    split: str
    epoch: int
    x: tuple[float, ...] | None
    y: tuple[float, ...]
    prediction: tuple[float, ...]

    @property
    def line(self) -> tuple[float, float] | None:
        """Slope and intercept of the model where it has one input."""
        if self.x is None or len(self.x) < 2:
            return None
        import numpy as np

        slope, intercept = np.polyfit(np.asarray(self.x), np.asarray(self.prediction), 1)
        return float(slope), float(intercept)

    @property
    def spread(self) -> float:
        """The standard deviation of the residuals."""
        import numpy as np

        return float(np.std(np.asarray(self.y) - np.asarray(self.prediction)))


class Inside:
    """Reads the predictions of one run; what was made of a file is kept as long as the file is the same."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._arrays: dict[str, Any] | None = None
        self._matrix: Matrix | None = None
        self._fit: Fit | None = None
        self._mistakes: Mistakes | None = None
        self._review: tuple[tuple[int, int] | None, dict[Key, Opinion]] = (None, {})

    def matrix(self) -> Matrix | None:
        """The confusion matrix of the latest evaluation."""
        self._look()
        if self._matrix is None and self._arrays is not None and "labels" in self._arrays:
            self._matrix = _matrix(self._arrays, self._classes())
        return self._matrix

    def mistakes(self) -> Mistakes | None:
        """What is wrong in the latest evaluation. Raises RunError for a damaged file."""
        self._look()
        if self._mistakes is None and self._arrays is not None and "labels" in self._arrays:
            try:
                self._mistakes = mistakes(self._arrays, self._classes())
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise RunError(f"the predictions are damaged: {error}") from error
        return self._mistakes

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

    def _classes(self) -> list[str]:
        attempt = self._reader.history.attempt
        return attempt.dataset.get("classes") or [] if attempt else []

    def fit(self) -> Fit | None:
        """The regression of the latest evaluation, its first output."""
        self._look()
        if self._fit is None and self._arrays is not None and "prediction" in self._arrays:
            self._fit = _fit(self._arrays)
        return self._fit

    def _look(self) -> None:
        """The test split's predictions once there is a test result, the latest validation's until then."""
        try:
            tested = self._reader.history.test is not None
            arrays = self._reader.predictions("test") if tested else None
            arrays = arrays or self._reader.predictions("validation-latest")
        except DltuiError:
            arrays = None
        if arrays is not self._arrays:
            self._arrays, self._matrix, self._fit, self._mistakes = arrays, None, None, None


def _matrix(arrays: dict[str, Any], classes: list[str]) -> Matrix:
    import numpy as np

    labels, said = np.asarray(arrays["labels"]), np.asarray(arrays["top"])[:, 0]
    size = max(len(classes), int(max(labels.max(initial=-1), said.max(initial=-1))) + 1)
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (labels, said), 1)
    rows = tuple(tuple(row) for row in counts.tolist())
    return Matrix(safe(arrays["split"]), int(arrays["epoch"]), class_names(classes, size), rows)


def _fit(arrays: dict[str, Any]) -> Fit:
    import numpy as np

    y, prediction, x = (np.asarray(arrays[name])[:MOST_POINTS] for name in ("y", "prediction", "x"))
    count = len(y)
    single = count > 0 and x.size == count
    return Fit(
        safe(arrays["split"]),
        int(arrays["epoch"]),
        tuple(x.reshape(-1).tolist()) if single else None,
        tuple(y.reshape(count, -1)[:, 0].tolist()),
        tuple(prediction.reshape(count, -1)[:, 0].tolist()),
    )


@dataclass(frozen=True)
class Evaluation:
    """The arrays of a predictions file; `epoch` is None for the final test."""

    arrays: dict[str, Array]
    split: str
    epoch: int | None


def latest(reader: RunReader) -> Evaluation | None:
    """The test split once it was evaluated, the latest validation until then; None before the first evaluation.

    A test file from before a run was resumed is of other weights: it counts only when the log has its result.
    """
    tested = reader.predictions("test") if reader.history.test else None
    if tested is not None:
        return Evaluation(tested, "test", None)
    validated = reader.predictions("validation-latest")
    return Evaluation(validated, "validation", int(validated["epoch"])) if validated is not None else None


Values = np.ndarray[Any, np.dtype[np.float32]]


def fitted_line(x: Values, prediction: Values) -> tuple[float, float] | None:
    """Slope and intercept of a model whose one output is a straight line of its one feature; None for others."""
    if x.shape[1] != 1 or prediction.shape[1] != 1 or not np.isfinite(prediction).all() or len(np.unique(x)) < 2:
        return None
    across, up = x[:, 0].astype(np.float64), prediction[:, 0].astype(np.float64)
    slope, intercept = (float(value) for value in np.polyfit(across, up, 1))
    bend = float(np.abs(slope * across + intercept - up).max())
    straight = bend <= 1e-4 * max(float(np.ptp(up)), float(np.abs(up).max()) * 1e-2, 1e-12)
    return (slope, intercept) if straight else None
