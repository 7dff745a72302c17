"""The types of a training loop's own state in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dltui.core.rundir.content.json_types import (
    NUMBER,
    OPTIONS,
    TEXT,
    Fields,
    is_number,
    is_object,
    list_of,
    object_of,
    or_none,
    wrong,
)

_MOST = 1 << 53


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


_COUNT = (_is_count, "count")
_NUMBER_OR_NONE = (or_none(is_number), "number")
_BEST: Fields = {"epoch": _COUNT, "step": _COUNT, "value": _NUMBER_OR_NONE, "loss": _NUMBER_OR_NONE}
_COMMAND: Fields = {"id": TEXT, "action": TEXT, "step": _COUNT, "arguments": OPTIONS}


def _has(fields: Fields, *needed: str) -> Any:
    """The check of an object that has these fields, and all of their types."""
    return lambda value: is_object(value) and value.keys() >= set(needed) and not any(wrong(value, fields))


_EPOCH = (or_none(_has(_BEST, "epoch", "step", "value")), "epoch with its value")
_COMMANDS = (or_none(list_of(_has(_COMMAND, *_COMMAND))), "list of commands")
_FIELDS: Fields = {
    **dict.fromkeys(("epoch", "step_in_epoch", "samples"), _COUNT),
    **dict.fromkeys(("epoch_seconds", "train_seconds"), NUMBER),
    "first_loss": _NUMBER_OR_NONE,
    "sums": (object_of(or_none(is_number)), "object of numbers"),
    **dict.fromkeys(("best", "counted"), _EPOCH),
    "steering": (or_none(_has({"commands": _COMMANDS})), "object with commands"),
}


def fault(state: Mapping[str, Any]) -> str:
    """What is wrong with the loop's state, as "epoch is no count"; "" for nothing."""
    return next((f"{name} is no {kind}" for name, kind in wrong(state, _FIELDS)), "")
