"""Tells whether values from a file are of the types that readers rely on: the file may come from another hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Check = Callable[[Any], bool]
Fields = Mapping[str, tuple[Check, str]]
"""The check of each field by its name, and what the field should be."""


def wrong(content: Mapping[str, Any], fields: Fields) -> Iterator[tuple[str, str]]:
    """The name of each field of a wrong type, and what it should be. A field may be missing."""
    for name, (check, kind) in fields.items():
        if name in content and not check(content[name]):
            yield name, kind


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_number(value: Any) -> bool:
    """True for a number with which one can compute: JSON may hold 1e999, or thousands of digits."""
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_value(value: Any) -> bool:
    return value is None or is_text(value) or is_number(value)


def are_options(value: Any) -> bool:
    """True for an object of options: values, or lists of them."""
    return is_object(value) and all(is_value(one) or list_of(is_value)(one) for one in value.values())


def list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def object_of(check: Check) -> Check:
    return lambda value: is_object(value) and all(map(check, value.values()))


def or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


TEXT = (is_text, "text")
TEXT_OR_NONE = (or_none(is_text), "text")
TEXTS = (list_of(is_text), "list of texts")
NUMBER = (is_number, "number")
NUMBERS = (list_of(is_number), "list of numbers")
OBJECT = (is_object, "object")
OBJECT_OR_NONE = (or_none(is_object), "object")
OBJECTS = (list_of(is_object), "list of objects")
OPTIONS = (are_options, "object of options")

DEVICE: Fields = {
    **dict.fromkeys(("name", "title", "asked"), TEXT),
    "uuid": TEXT_OR_NONE,
    "devices": (list_of(lambda one: is_object(one) and not any(wrong(one, DEVICE))), "list of devices"),
}
