"""Which predictions of a run its figures show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.contract import Array
    from dltui.core.reader import RunReader


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
