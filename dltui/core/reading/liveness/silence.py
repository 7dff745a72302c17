"""Decides when a living worker counts as silent: its heartbeat stopped, or it makes no progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.rundir.claim import REMOTE_SECONDS, quiet

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.heartbeat import Live

STARTING_PHASES = frozenset({"starting", "importing", "loading data", "building", "compiling"})

BEAT_SECONDS = 20.0
"""A worker on this host whose heartbeat is older is silent: it beats every second."""
BUSY_SECONDS = 60.0
"""The same while it imports or compiles: a C library that loads may hold up every thread for long."""
_STILL_SECONDS = {"training": 30.0, "evaluating": 30.0, "saving": 120.0, "starting": 60.0}
"""The time in seconds that the counter may stand still in a phase, beyond four times the longest time so far.
Importing, compiling and drawing figures give no sign of progress."""
_STILL_OTHERWISE = 600.0
_PATIENT_PHASES = frozenset({"paused", "released", "queued"})


@dataclass(frozen=True)
class Observations:
    """The reader's own observations. `alive` is None for a worker that cannot be seen from here, on another host or in
    another container; `standing` is for how many seconds of the reader's own clock the heartbeat has been unchanged,
    `moved` whether it has changed before; `age` is how old it is in seconds, None when only the time of day tells;
    `copied` names the run of which this run is a copy, made while that run trained; `crash` is the cause of death in
    the worker's log; `oom_kills` counts the processes that this machine has killed for want of memory, None for
    another machine or another boot; `killer` is the user who asked to kill the worker; `redraw` is the
    command that draws the figures which a dead worker left incomplete; `lost` is why a worker that cannot be seen
    counts as dead; `unheard`: there is a heartbeat that cannot be read.
    """

    alive: bool | None
    standing: float = 0.0
    moved: bool = False
    crash: str = ""
    oom_kills: int | None = None
    killer: str = ""
    copied: str = ""
    age: float | None = None
    redraw: str = ""
    lost: str = ""
    unheard: bool = False


def silence(history: History, live: Live, now: float, seen: Observations) -> str:
    """The reason why the worker counts as silent, or ""."""
    age = now - live.time if seen.age is None else seen.age
    if seen.alive is None:
        unheard = quiet(seen.standing, seen.moved, age)
        if unheard > REMOTE_SECONDS:
            return f"no heartbeat from {live.host} for {unheard:.0f} s"
    elif age > (BUSY_SECONDS if live.phase in STARTING_PHASES else BEAT_SECONDS):
        return f"no heartbeat for {age:.0f} s"
    if live.phase in _PATIENT_PHASES:
        return ""
    allowed = max(_STILL_SECONDS.get(live.phase, _STILL_OTHERWISE), 4 * live.slowest)
    if _compiles(history, live):
        allowed = max(allowed, _STILL_OTHERWISE)
    return f"no progress in {live.phase} for {live.still:.0f} s" if live.still > allowed else ""


def _compiles(history: History, live: Live) -> bool:
    """True during the first step of an attempt and the first evaluation of a run, which may include compilation."""
    if live.phase == "training":
        return live.step <= (history.attempt.start_step if history.attempt else 0)
    return live.phase == "evaluating" and not any(record.validation for record in history.epochs.values())
