"""Summaries of runs as JSON, and back with every value checked and cleaned."""

from __future__ import annotations

import dataclasses
import functools
import math
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from dltui.core.numbers import plain_json
from dltui.core.text import safe
from dltui.tui.base.summary import Summary

MOST_ITEMS = 400
"""The most elements of a list in a summary."""
_HERE = ("directory", "members", "via")
"""The fields that only mean something on this host."""
Reader = Callable[[Any], Any]


def as_json(summary: Summary) -> dict[str, Any]:
    """A summary as JSON can hold it; what has its default is left out."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(Summary):
        value = getattr(summary, field.name)
        if field.name not in _HERE and value != field.default:
            # A long list of runs keeps trends as arrays.
            found[field.name] = plain_json(list(value) if isinstance(value, array) else value)
    return found


def fields_from_json(found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a summary that are the same on each host; unknown ones of another version are left out. Raises
    ValueError, TypeError or OverflowError for a value that is none.
    """
    return {name: read(found[name]) for name, read in READ.items() if name in found}


def number(value: Any) -> float:
    """A finite number. Raises ValueError for anything else."""
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def count(value: Any) -> int:
    return min(max(int(number(value)), -(10**12)), 10**12)


def optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _each(read: Reader) -> Reader:
    return lambda value: tuple(read(item) for item in _listed(value))


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise ValueError("not a list")
    return value


_word = functools.lru_cache(1_000)(safe)
"""Runs have the same names of facts, and mostly the same values."""


def _fact(value: Any) -> Any:
    """A value that filters search: they clean what they show."""
    if isinstance(value, list):
        return [_fact(item) for item in _listed(value)]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _word(value) if isinstance(value, str) else safe(value)


def _facts(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MOST_ITEMS:
        raise ValueError("not an object")
    return {_word(name): _fact(item) for name, item in value.items()}


def _triple(read: tuple[Reader, Reader, Reader]) -> Reader:
    return lambda value: tuple(one(item) for one, item in zip(read, _listed(value), strict=True))


_TEXTS = (
    "name", "status", "why", "phase", "model", "framework", "dataset", "device", "best", "best_name", "note", "test",
    "seed", "group", "sweep", "exports", "command",
    "keeps_device", "best_mode",
)  # fmt: skip
READ: dict[str, Reader] = {
    **dict.fromkeys(_TEXTS, safe),
    **dict.fromkeys(("since", "fraction", "created", "ended"), number),
    **dict.fromkeys(("epochs_done", "epochs", "best_epoch", "attempt", "trials_to_come"), count),
    **dict.fromkeys(("left", "best_value", "test_value"), optional(number)),
    "trend": _each(number),
    "tags": _each(safe),
    "group_seeds": _each(count),
    "facts": _facts,
    "differs": _each(_triple((safe, safe, safe))),
    "obeyed": _each(_triple((safe, safe, count))),
}
