"""Which part of a run's log its fork takes over, so that old curve and new curve are one curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]
_OWN = frozenset({"run_ended", "checkpoint_saved"})
"""What is said of the parent alone."""


def inherited(records: Sequence[Record], checkpoint: str, step: int, new_length: bool) -> list[Record]:
    """The records up to the one that tells of the checkpoint after `step` steps; all, where that line is damaged.

    What the parent did after the step is superseded by the fork's own start; commands are not, so those that took
    effect later are left out, and with a `new_length` the epochs that were added to the parent.
    """
    saved = (number for number, record in enumerate(records) if record.get("name") == checkpoint)
    end = next(saved, len(records) - 1) + 1
    return [record for record in records[:end] if _stays(record, step, new_length)]


def _stays(record: Record, step: int, new_length: bool) -> bool:
    if record["type"] in _OWN or (record["type"] == "evaluated" and record.get("split") == "test"):
        return False
    if record["type"] != "command_obeyed":
        return True
    if record.get("action") == "extend":
        return not new_length
    at = record.get("step")
    return isinstance(at, int) and at <= step
