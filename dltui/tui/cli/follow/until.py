"""Waits until a run has ended or a condition on its progress holds; nothing is printed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from dltui.core.analysis.measures.condition import Condition, Met
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status

TICK = 0.5


@dataclass(frozen=True)
class Outcome:
    """The end of the waiting: `reason` is "condition", "ended" or "timeout"."""

    reason: str
    status: Status
    met: Met | None = None


def wait(reader: RunReader, wanted: Condition | None, deadline: float | None) -> Outcome:
    """Look at the run twice a second. Raises UsageError for a metric that it turns out not to have."""
    from dltui.core.analysis.measures import condition, measured
    from dltui.core.lifecycle.launch import launching
    from dltui.tui.cli.follow.follow import is_over

    changed = True
    while True:
        if wanted is not None and changed:
            problem = measured.unknown(wanted.name, reader.history)
            if problem:
                raise UsageError(f"{reader.directory.id}: {problem}")
            met = condition.met(wanted, reader.history)
            if met is not None:
                return Outcome("condition", reader.status(), met)
        status = reader.status()
        if is_over(reader, status):
            # A last word of the log may have come after the look at it.
            if not reader.refresh():
                return Outcome("ended", status)
            changed = True
            continue
        launching.refresh(reader.directory, status)
        if deadline is not None and time.monotonic() >= deadline:
            return Outcome("timeout", status)
        time.sleep(TICK if deadline is None else max(min(TICK, deadline - time.monotonic()), 0.01))
        changed = reader.refresh()


def as_object(reader: RunReader, found: Outcome, wanted: Condition | None, waited: float) -> dict[str, Any]:
    """The object of `--json`: the run as in `dltui runs --json`, and why the waiting is over."""
    from dltui.core.reading.summary import summary_row

    more = {
        "reason": found.reason,
        "until": wanted.text if wanted else None,
        "met": asdict(found.met) if found.met else None,
        "waited": round(waited, 3),
    }
    return summary_row(reader) | more
