"""Summaries of runs on their way from one host to another: as JSON, and back with every value checked and cleaned."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from dltui.core.errors import UsageError
from dltui.core.hosts import address, mirror
from dltui.core.machine.devices import Device
from dltui.core.text import safe
from dltui.tui.base.summary import Summary
from dltui.tui.draw.wording import LIVE

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
            found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """A value without NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value]


def from_json(host: str, found: object, ahead: float = 0.0) -> Summary | None:
    """The summary of a run of another host whose clock is `ahead` by so many seconds; None for what is none. Unknown
    fields of another version are left out.
    """
    if not isinstance(found, dict):
        return None
    try:
        run = mirror.directory(host, str(found.get("id", "")))
        known = {name: read(found[name]) for name, read in _READ.items() if name in found}
    except (UsageError, ValueError, TypeError, OverflowError):
        return None
    # WHERE, and the filter host:NAME, have the name by which this host knows it.
    known |= {"id": run.id, "host": host, "via": host, "facts": {**known.get("facts", {}), "host": host, "id": run.id}}
    known |= {name: known[name] - ahead for name in ("since", "created", "ended") if known.get(name)}
    for name in ("group", "sweep"):
        if known.get(name):
            known[name] = address.joined(host, known[name])
    return Summary(directory=run, **{"name": known["id"], "status": "", **known})


def silenced(summary: Summary, reason: str, since: float) -> Summary:
    """The summary of a run whose host does not answer: a run that was live may have ended meanwhile."""
    if summary.status not in LIVE:
        return summary
    why = f"{summary.via} does not answer: {reason}"
    return dataclasses.replace(summary, status="silent", why=why, since=since, left=None)


def _number(value: Any) -> float:
    """A finite number. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _count(value: Any) -> int:
    return min(max(int(_number(value)), -(10**12)), 10**12)


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _each(read: Reader) -> Reader:
    return lambda value: tuple(read(item) for item in _listed(value))


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise ValueError("not a list")
    return value


def _fact(value: Any) -> Any:
    """A value that filters search: they clean what they show."""
    if isinstance(value, list):
        return [_fact(item) for item in _listed(value)]
    return value if value is None or isinstance(value, (bool, int, float)) else safe(value)


def _facts(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MOST_ITEMS:
        raise ValueError("not an object")
    return {safe(name): _fact(item) for name, item in value.items()}


def _triple(read: tuple[Reader, Reader, Reader]) -> Reader:
    return lambda value: tuple(one(item) for one, item in zip(read, _listed(value), strict=True))


_TEXTS = (
    "name", "status", "why", "phase", "model", "framework", "dataset", "device", "best", "best_name", "note", "test",
    "seed", "group", "sweep", "exports", "command",
)  # fmt: skip
_READ: dict[str, Reader] = {
    **dict.fromkeys(_TEXTS, safe),
    **dict.fromkeys(("since", "fraction", "created", "ended"), _number),
    **dict.fromkeys(("epochs_done", "epochs", "best_epoch"), _count),
    **dict.fromkeys(("left", "best_value", "test_value"), _optional(_number)),
    "trend": _each(_number),
    "tags": _each(safe),
    "group_seeds": _each(_count),
    "facts": _facts,
    "differs": _each(_triple((safe, safe, safe))),
    "obeyed": _each(_triple((safe, safe, _count))),
}


def device_from_json(found: object) -> Device | None:
    """A device of another host; None for what is none."""
    if not isinstance(found, dict):
        return None
    try:
        return Device(
            name=safe(found["name"])[:40],
            title=safe(found.get("title", ""))[:80],
            **{name: _optional(_count)(found.get(name)) for name in ("total_bytes", "free_bytes")},
            **{name: _optional(_number)(found.get(name)) for name in ("utilization", "temperature", "power")},
            processes=tuple(
                (safe(user), _count(pid), _count(used)) for user, pid, used in found.get("processes") or ()
            ),
            problem=None if found.get("problem") is None else safe(found["problem"]),
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
