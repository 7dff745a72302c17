"""The JSON schema of a line of `events.jsonl`, made from the classes of the events."""

from __future__ import annotations

from typing import Any

from dltui.core.rundir.directory import FORMAT
from dltui.core.rundir.events import EVENTS

ENVELOPE: dict[str, dict[str, Any]] = {
    "seq": {"type": "integer", "description": "counts the lines of the log, from 1"},
    "time": {"type": "number", "description": "unix seconds"},
    "elapsed": {"type": "number", "description": "seconds since the attempt began, by a clock that is never set"},
    "attempt": {"type": "integer", "description": "counts the attempts at the run, from 1"},
    "crc": {
        "type": "string",
        "pattern": "^[0-9a-f]{8}$",
        "description": "CRC-32 of the line before this field; not in --json",
    },
}
OPTIONAL = frozenset({"elapsed", "crc"})
"""The fields of the envelope that not every line has: early logs lack the time, the lines of `--json` the CRC."""


def schema() -> dict[str, Any]:
    """The schema of a line. `$id` holds the format number of the run directory; a reader skips types and fields that it
    does not know, so that new ones change no number.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:dltui:events:{FORMAT}",
        "title": f"An event of a dltui run, format {FORMAT}",
        "description": "A line of events.jsonl. Lines of other types may be there and are to be skipped.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in EVENTS],
        "$defs": {name: _event(name) for name in EVENTS},
    }


def _event(name: str) -> dict[str, Any]:
    from pydantic import TypeAdapter

    made = TypeAdapter(EVENTS[name]).json_schema()
    own = {key: _field(part) for key, part in made["properties"].items()}
    return {
        "type": "object",
        "description": " ".join((EVENTS[name].__doc__ or "").split()),
        "properties": {"type": {"const": name}, **ENVELOPE, **own},
        # An earlier log lacks fields that were added since with a default.
        "required": ["type", *(key for key in ENVELOPE if key not in OPTIONAL), *made.get("required", ())],
    }


def _field(part: Any) -> Any:
    """A part of a schema without its titles; a number may be null, as NaN and infinities are written."""
    if isinstance(part, list):
        return [_field(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _field(one) for key, one in part.items() if key not in ("title", "default")}
    return {**kept, "type": ["number", "null"]} if kept.get("type") == "number" else kept
