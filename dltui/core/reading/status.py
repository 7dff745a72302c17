"""Decides a run's status and the reason for it: a pure function of what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.heartbeat import Live


OVER = frozenset({"finished", "stopped", "interrupted", "preempted", "failed"})
STARTING_PHASES = frozenset({"starting", "importing", "loading data", "building", "compiling"})

INCOMPLETE = "figures incomplete"
"""Phase of an ended run whose worker was killed while it drew the figures."""

BEAT_SECONDS = 20.0
"""A worker on this host whose heartbeat is older is silent: it beats every second."""
BUSY_SECONDS = 60.0
"""The same while it imports or compiles: a C library that loads may hold up every thread for long."""
REMOTE_SECONDS = 90.0
"""The same for a worker on another host, where only the counter counts: network disks show files late."""
STARTUP_SECONDS = 20.0
"""The time in seconds that a worker may take from its creation to its first heartbeat."""
_STILL_SECONDS = {"training": 30.0, "evaluating": 30.0, "saving": 120.0, "starting": 60.0}
"""The time in seconds that the counter may stand still in a phase, beyond four times the longest time so far.
Importing, compiling and drawing figures give no sign of progress."""
_STILL_OTHERWISE = 600.0
_SCARCE_BYTES = 1 << 30
_PATIENT_PHASES = frozenset({"paused", "queued"})


@dataclass(frozen=True)
class Status:
    """The status of a run: `why` is a sentence; `phase` is the worker's activity; `since` is the unix time of its
    start.
    """

    name: str
    why: str = ""
    phase: str = ""
    since: float = 0.0

    @property
    def over(self) -> bool:
        """True if no worker trains the run, and none will unless it is resumed."""
        return self.name in OVER


@dataclass(frozen=True)
class Observations:
    """The reader's own observations. `alive` is None for a worker that cannot be seen from here, on another host or in
    another container; `standing` is for how many seconds of the reader's own clock the heartbeat has been unchanged,
    `moved` whether it has changed before; `age` is how old it is in seconds, None when only the time of day tells;
    `copied` names the run of which this run is a copy, made while that run trained; `crash` is the cause of death in
    the worker's log; `oom_kills` counts the processes that this machine has killed for want of memory, None for
    another machine or another boot; `killer` is the user who asked to kill the worker; `redraw` is the
    command that draws the figures which a dead worker left incomplete.
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


def status(run: dict[str, Any], history: History, live: Live | None, now: float, seen: Observations) -> Status:
    """The status of the run at the unix time `now`."""
    ended = history.ended
    if ended is not None and (live is None or live.attempt <= history.ended_attempt):
        # A worker that was killed while it drew the figures draws no more.
        phase = live.phase if live and seen.alive is not False else "ended"
        why = ended.reason
        if seen.redraw:
            phase, why = INCOMPLETE, f"{why}; {INCOMPLETE}: {seen.redraw}"
        return Status(_ended_name(ended.status), why, phase, history.ended_at)
    if live is None:
        return _not_started(run, now)
    if ended is not None and ended.status in ("finished", "stopped") and (seen.alive is False or live.phase == "ended"):
        # Its log says nothing of a later attempt: that one died before its first step, and changed nothing.
        return Status(ended.status, ended.reason, "ended", history.ended_at)
    if seen.alive is False or live.phase == "ended":
        return Status("interrupted", _death(history, live, seen), "ended", live.time)
    quiet = _silence(history, live, now, seen)
    if quiet:
        return Status("silent", quiet, live.phase, live.time)
    if live.phase == "paused":
        return Status("paused", live.detail or _paused_by(history), live.phase, live.phase_since)
    if live.phase == "queued":
        return Status("queued", live.detail or "waits for its device", live.phase, live.phase_since)
    doing = f"{live.phase} {live.detail}".strip()
    if live.phase in STARTING_PHASES:
        return Status("starting", doing, live.phase, live.phase_since)
    return Status("running", doing, live.phase, live.phase_since)


def _ended_name(word: str) -> str:
    return word if word in OVER else "failed"


def _not_started(run: dict[str, Any], now: float) -> Status:
    created = run.get("created")
    created = float(created) if isinstance(created, (int, float)) else 0.0
    if now - created < STARTUP_SECONDS:
        return Status("starting", "the worker is being started", "starting", created)
    return Status("interrupted", "the worker never began; see worker.log", "ended", created)


def _death(history: History, live: Live, seen: Observations) -> str:
    last_word = live.detail if live.phase == "ended" else ""
    how = f"copied from {seen.copied}" if seen.copied else seen.crash or last_word or _killed(live, seen)
    step = max(history.step, live.step)
    if not step:
        return f"{how} before the first step" + (f" ({live.phase})" if live.phase != "ended" else "")
    attempt = history.attempt
    if attempt is None or not attempt.steps_per_epoch:
        return f"{how} at step {step}"
    epoch, inside = divmod(max(step - 1, 0), attempt.steps_per_epoch)
    return f"{how} at epoch {epoch + 1}, step {inside + 1}"


def _killed(live: Live, seen: Observations) -> str:
    """The reason for a worker that was killed: by a user, or by the kernel for want of memory. The kernel names its
    victims only in its own log, so that the latter is a guess.
    """
    if seen.killer:
        return f"killed by {seen.killer}"
    killed = seen.oom_kills is not None and 0 <= live.oom_kills < seen.oom_kills
    # The count is of the whole machine: where there was plenty for this worker, another process was meant.
    if not killed or not 0 <= live.memory_left <= max(live.peak, _SCARCE_BYTES):
        return "the worker was killed"
    return f"the worker was killed, probably out of memory (it had used {live.peak / 1e9:.1f} GB)"


def _silence(history: History, live: Live, now: float, seen: Observations) -> str:
    """The reason why the worker counts as silent, or ""."""
    age = now - live.time if seen.age is None else seen.age
    if seen.alive is None:
        # Its clock may be off: once the heartbeat has moved before our eyes, only our own clock counts.
        quiet = seen.standing if seen.moved else max(seen.standing, age)
        if quiet > REMOTE_SECONDS:
            return f"no heartbeat from {live.host} for {quiet:.0f} s"
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


def _paused_by(history: History) -> str:
    for record in reversed(history.commands):
        if record.get("action") == "pause" and record.get("by"):
            return f"paused by {record['by']}"
    return "paused"
