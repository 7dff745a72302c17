"""Evaluates the predictions of a run: which samples count, and what follows from them. All of it is computed here, in
`confusion`, in `mistakes` and in `fit`, so that a screen and a figure cannot show different numbers of the same run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dltui.core.analysis import confusion, labels, mistakes, regression
from dltui.core.analysis.masks import pixels, worst
from dltui.core.data.findings.review import NAME, Key, Opinion, read_review
from dltui.core.errors import RunError
from dltui.core.tasks.scores import calibration
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.analysis.confusion import Matrix
    from dltui.core.analysis.labels import Labels
    from dltui.core.analysis.masks.worst import Masks
    from dltui.core.analysis.mistakes import Mistakes
    from dltui.core.analysis.regression import Fit
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader
    from dltui.core.tasks.scores.calibration import Calibration


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The predictions of a split, with everything computed from them; each part is computed when first used.

    `arrays` are those of a predictions file, `known` the names that the dataset gives its classes,
    labels or targets. All raise RunError
    for arrays that do not fit together.
    """

    arrays: dict[str, Array]
    known: Sequence[object] = ()
    chosen: Mapping[str, Array] | None = None
    """The arrays of the validation split on which thresholds are chosen; None where these are they."""
    dataset: Mapping[str, Any] = field(default_factory=dict)
    """The data as the log describes them: the only feature of a regression is shown in its column's own units."""

    @cached_property
    def matrix(self) -> Matrix | None:
        """The confusion matrix, of pixels for masks; None for a regression."""
        if "confusion" in self.arrays:
            with damage_as_error():
                return pixels.matrix(self.arrays, self.known)
        if "labels" not in self.arrays:
            return None
        with damage_as_error():
            return confusion.count(self.arrays, self.known)

    @cached_property
    def mistakes(self) -> Mistakes | None:
        """The wrong samples, the most confident mistakes first; None for a regression."""
        if "labels" not in self.arrays:
            return None
        with damage_as_error():
            return mistakes.find(self.arrays, self.known)

    @property
    def split(self) -> str:
        """The split that was predicted."""
        return clean_line(self.arrays["split"])

    @cached_property
    def calibration(self) -> Calibration | None:
        """How often the likeliest class is right, by its probability; None for a regression."""
        if "labels" not in self.arrays:
            return None
        with damage_as_error():
            right = self.arrays["top"][:, 0] == self.arrays["labels"]
            return calibration.bins(self.arrays["probabilities"][:, 0], right)

    @cached_property
    def labels(self) -> Labels | None:
        """How well each label is found, and the samples with wrong labels; None for other tasks."""
        if "present" not in self.arrays:
            return None
        with damage_as_error():
            return labels.find(self.arrays, self.known, self.chosen)

    @cached_property
    def masks(self) -> Masks | None:
        """The worst of predicted masks; None for other tasks."""
        if "said" not in self.arrays:
            return None
        with damage_as_error():
            return worst.find(self.arrays, self.known)

    @cached_property
    def fit(self) -> Fit | None:
        """The measured and the predicted numbers; None for a classification."""
        if "prediction" not in self.arrays:
            return None
        with damage_as_error():
            return regression.compare(self.arrays, self.known, _offset(self.dataset))


def latest(reader: RunReader) -> Evaluation | None:
    """The evaluation of the test split if it exists, else of the latest validation; None before the first evaluation.

    A test file from before a run was resumed is of other weights: it counts only when the log has its result. Raises
    RunError for a damaged file.
    """
    arrays = reader.predictions("test") if reader.history.test else None
    if arrays is None:
        arrays = reader.predictions("validation-latest")
    if arrays is None:
        return None
    dataset = reader.history.attempt.dataset if reader.history.attempt else {}
    # Thresholds that are chosen on the test split would flatter the test.
    chosen = reader.predictions("validation-best") if "present" in arrays and arrays["split"] == "test" else None
    return Evaluation(arrays, _names(dataset), chosen, dataset)


def _names(dataset: Mapping[str, Any]) -> Sequence[object]:
    """The names that a dataset gives its classes or labels, or the targets of its regression."""
    targets = [target.get("name", "") for target in dataset.get("targets") or () if isinstance(target, dict)]
    return dataset.get("classes") or targets


def _offset(dataset: Mapping[str, Any]) -> float:
    """What a table took from its first column of numbers; 0 for other columns and other data."""
    from dltui.core.contract.inputs import table_of

    offsets = next((one.offsets for one in table_of(dataset)), ())
    return float(offsets[0]) if offsets else 0.0


class LatestEvaluation:
    """The latest evaluation of a running run; results are reused while the predictions file is unchanged. All raise
    RunError for a damaged file.
    """

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

    def labels(self) -> Labels | None:
        found = self._look()
        return found.labels if found else None

    def masks(self) -> Masks | None:
        found = self._look()
        return found.masks if found else None

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
        """Load the latest evaluation. Raises RunError for a damaged file."""
        found = latest(self._reader)
        if found is None or self._latest is None or found.arrays is not self._latest.arrays:
            self._latest = found
        return self._latest


@contextlib.contextmanager
def damage_as_error() -> Iterator[None]:
    """Raise RunError with a one-line message for arrays that do not fit together."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"the predictions are damaged: {clean_line(error, 200)}") from error
