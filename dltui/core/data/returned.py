"""The parts of `Arrays` as a dataset plugin returned them: those of another type are refused before they are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dltui.core.contract import Arrays, Column, Input, Target
from dltui.core.errors import RunError
from dltui.core.text import clean_line

PARTS = ("train", "test", "validation")
LISTS: Mapping[str, type] = {
    "classes": object,
    "notes": object,
    "columns": Column,
    "targets": Target,
    "named_inputs": Input,
}
"""The fields that are tuples, and of what."""
UNORDERED = (set, frozenset)
"""What has another order in each process: a name would stand for another number in each."""


def well_formed(given: object) -> Arrays:
    """What `prepare` returned, with its samples and targets as arrays, its lists as tuples, and a tuple for a single
    mean or std. Raises RunError naming the part of another type.
    """
    if not isinstance(given, Arrays):
        raise RunError(f"prepare returned {kind(given)}; end it with return Arrays(...)")
    if not isinstance(given.border, (int, np.integer)):
        raise RunError(f"border must be a whole number of pixels, it is {kind(given.border)}")
    parts: dict[str, Any] = {name: _pair(name, getattr(given, name)) for name in PARTS}
    lists: dict[str, Any] = {name: _tuple(name, getattr(given, name), of) for name, of in LISTS.items()}
    numbers: dict[str, Any] = {name: _numbers(name, getattr(given, name)) for name in ("mean", "std")}
    return replace(given, **parts, **lists, **numbers)


def kind(value: object) -> str:
    """The type of a value in a word or two: `None`, `a tuple of 3`, `a dict`."""
    if value is None or isinstance(value, str):
        return "None" if value is None else "a text"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _pair(name: str, part: object) -> tuple[Any, Any] | None:
    if part is None and name == "validation":
        return None
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise RunError(f"{name} must be a pair (x, y), it is {kind(part)}")
    x, y = part
    return x if isinstance(x, Mapping) else _array(f"{name} samples", x), _array(f"the targets of {name}", y)


def _array(what: str, values: object) -> Any:
    try:
        return np.asanyarray(values)
    except ValueError:
        raise RunError(f"{what} are {kind(values)} of rows that differ in their shape; give one array") from None


def _tuple(name: str, values: Any, of: type) -> tuple[Any, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise RunError(f"{name} must be a tuple: ({clean_line(repr(values), 60)},)")
    if isinstance(values, UNORDERED):
        raise RunError(f"{name} is a set, which has no order; give a tuple")
    found = tuple(values)
    wrong = next((one for one in found if not isinstance(one, of)), None)
    if wrong is not None:
        raise RunError(f"{name} must be a tuple of {of.__name__}(...), there is {kind(wrong)} in it")
    return found


def _numbers(name: str, values: Any) -> tuple[float, ...] | None:
    if values is None:
        return None
    try:
        return (float(values),) if np.ndim(values) == 0 else tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise RunError(f"{name} must be one number a channel, it is {clean_line(repr(values), 60)}") from None
