"""Checks a new learning rate for a run that trains, before it is sent: what cannot hold is an error at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader


def checked_rate(reader: RunReader, given: str | float) -> float:
    """The learning rate, within the bounds that the run's model declares. Raises UsageError."""
    from dltui.core.lifecycle import trust

    model = trust.catalog(reader.directory).known_model(str(reader.run["model"]))
    field = model.field("lr") if model else None
    if field is not None:
        return float(field.parse(given) if isinstance(given, str) else field.check(given))
    try:
        return float(given)
    except ValueError:
        raise UsageError(f"lr must be a number, got {clean_line(given, 60)!r}") from None


def checked_step(reader: RunReader, step: int) -> int:
    """A step from which a learning rate can hold: one of the run's plan. Raises UsageError."""
    attempt = reader.history.attempt
    if step < 0 or (attempt is not None and step >= attempt.total_steps):
        last = f" and below {attempt.total_steps:,}" if attempt else ""
        raise UsageError(f"the step must be at least 0{last}, got {step}")
    return step
