"""Evaluates the predictions of a run: which samples count, and what follows from them. All of it is computed here, in
`confusion`, in `mistakes` and in `fit`, so that a screen and a figure cannot show different numbers of the same run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dltui.core.analysis import confusion, fit, mistakes
from dltui.core.analysis.review import NAME, Key, Opinion, read_review
from dltui.core.errors import DltuiError, RunError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.analysis.confusion import Matrix
    from dltui.core.analysis.fit import Fit
    from dltui.core.analysis.mistakes import Mistakes
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader


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
        with damage_as_error():
            return confusion.count(self.arrays, self.known)

    @cached_property
    def mistakes(self) -> Mistakes | None:
        """The wrong samples, the most confident mistakes first; None for a regression."""
        if "labels" not in self.arrays:
            return None
        with damage_as_error():
            return mistakes.find(self.arrays, self.known)

    @cached_property
    def fit(self) -> Fit | None:
        """The measured and the predicted numbers; None for a classification."""
        if "prediction" not in self.arrays:
            return None
        with damage_as_error():
            return fit.compare(self.arrays)


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


@contextlib.contextmanager
def damage_as_error() -> Iterator[None]:
    """Raise RunError with a one-line message for arrays that do not fit together."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise RunError(f"the predictions are damaged: {clean_line(error, 200)}") from error
