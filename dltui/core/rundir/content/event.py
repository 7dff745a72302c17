"""Checks that what events hold is of the types that readers rely on: the log may come from another hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from dltui.core.rundir.content.json_types import (
    DEVICE,
    NUMBER,
    NUMBERS,
    OBJECT,
    OBJECTS,
    OPTIONS,
    TEXT,
    TEXTS,
    Fields,
    is_number,
    is_text,
    list_of,
    object_of,
    wrong,
)
from dltui.core.rundir.events import AttemptStarted, Event, from_json
from dltui.core.text import safe

_SIZE = (object_of(lambda value: isinstance(value, int) and is_number(value)), "object of whole numbers")
_DATASET: Fields = {
    **dict.fromkeys(("name", "fingerprint", "task"), TEXT),
    "classes": TEXTS,
    **dict.fromkeys(("input_shape", "mean", "std"), NUMBERS),
    "outputs": NUMBER,
    "sizes": _SIZE,
    "options": OPTIONS,
    "inputs": OBJECT,
    **dict.fromkeys(("targets", "columns", "named_inputs"), OBJECTS),
}
_LAYER: Fields = {
    **dict.fromkeys(("name", "kind"), TEXT),
    "output": (lambda value: value is None or list_of(lambda side: side is None or is_number(side))(value), "shape"),
    "parameters": NUMBER,
}


_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "dict": (dict,),
    "list": (list,),
    "None": (type(None),),
}


def checked(record: dict[str, Any]) -> Event | None:
    """The event of a record, its fields of the types that the event declares. Raises TypeError or ValueError."""
    event = from_json(record)
    for item in fields(event) if event else ():
        value = getattr(event, item.name)
        declared = [part.partition("[")[0] for part in str(item.type).split(" | ")]
        if not any(isinstance(value, _TYPES[name]) for name in declared):
            raise TypeError(f"{item.name} of {record['type']} is not {item.type}")
        if isinstance(value, int) and not is_number(value):
            raise ValueError(f"{item.name} of {record['type']} is out of range")
    return event


def sound(event: AttemptStarted) -> AttemptStarted:
    """The event without those of its parts that are of another type."""
    return replace(
        event,
        dataset=_kept(event.dataset, _DATASET),
        device=_kept(event.device, DEVICE),
        versions={name: version for name, version in event.versions.items() if is_text(version)},
        monitor={name: safe(word) for name, word in event.monitor.items()},
        layers=[_kept(layer, _LAYER) for layer in event.layers if isinstance(layer, dict)],
    )


def _kept(content: dict[str, Any], wanted: Fields) -> dict[str, Any]:
    refused: Mapping[str, str] = dict(wrong(content, wanted))
    return {name: value for name, value in content.items() if name not in refused} if refused else content
