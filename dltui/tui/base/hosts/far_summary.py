"""Summaries of runs, plans of resuming them, and devices as another host tells them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dltui.core.errors import DltuiError, UsageError
from dltui.core.hosts import address, mirror
from dltui.core.machine.devices import Device
from dltui.core.text import clean_line, safe
from dltui.tui.base.summary import Summary
from dltui.tui.base.summary_json import count, fields_from_json, number, optional
from dltui.tui.draw.wording import LIVE

if TYPE_CHECKING:
    from dltui.core.lifecycle.resume import Resumption


def from_json(host: str, found: object, ahead: float = 0.0) -> Summary | None:
    """The summary of a run of another host whose clock is `ahead` by so many seconds; None for what is none. Unknown
    fields of another version are left out.
    """
    if not isinstance(found, dict):
        return None
    try:
        run = mirror.directory(host, str(found.get("id", "")))
        known = fields_from_json(found)
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


def device_from_json(found: object) -> Device | None:
    """A device of another host; None for what is none."""
    if not isinstance(found, dict):
        return None
    try:
        return Device(
            name=safe(found["name"])[:40],
            title=safe(found.get("title", ""))[:80],
            **{name: optional(count)(found.get(name)) for name in ("total_bytes", "free_bytes")},
            **{name: optional(number)(found.get(name)) for name in ("utilization", "temperature", "power")},
            processes=tuple((safe(user), count(pid), count(used)) for user, pid, used in found.get("processes") or ()),
            problem=None if found.get("problem") is None else safe(found["problem"]),
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def resumption_from_json(host: str, found: object) -> Resumption:
    """The plan of resuming a run of another host. Raises DltuiError for what is none."""
    from dltui.core.lifecycle.resume import Resumption

    if not isinstance(found, dict):
        raise DltuiError(f"{host} did not say what resuming means")
    ended, restored, unknown = (clean_line(found.get(name, ""), 500) for name in ("ended", "restored", "unknown"))
    differs = found.get("differs")
    return Resumption(
        ended,
        restored,
        differs=tuple(clean_line(line, 500) for line in differs) if isinstance(differs, list) else (),
        planned=_count(found.get("planned")),
        done=_count(found.get("done")),
        unknown=unknown,
    )


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= 1 << 31 else 0
