"""Decides a run's status and the reason for it: a pure function of what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.reading.liveness.silence import STARTING_PHASES, Observations, silence

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.claim import Told
    from dltui.core.rundir.heartbeat import Live


OVER = frozenset({"finished", "stopped", "interrupted", "preempted", "failed"})

INCOMPLETE = "figures incomplete"
"""Phase of an ended run whose worker was killed while it drew the figures."""

STARTUP_SECONDS = 20.0
"""The time in seconds that a worker may take from its creation to its first heartbeat."""
CLOCK_SECONDS = 5.0
"""How far in the future a run may have been created: clocks differ a little, and one that was set back would let it
start for as long as it was ahead.
"""
_SCARCE_BYTES = 1 << 30


@dataclass(frozen=True)
class Status:
    """The status of a run: `why` is a sentence; `phase` is the worker's activity; `since` is the unix time of its
    start; `attempt` is the attempt of the worker that lives, 0 where none has told of itself.
    """

    name: str
    why: str = ""
    phase: str = ""
    since: float = 0.0
    attempt: int = 0

    @property
    def over(self) -> bool:
        """True if no worker trains the run, and none will unless it is resumed."""
        return self.name in OVER


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
        return _unheard(run, history, now, seen) if seen.unheard else _not_started(run, now)
    if ended is not None and ended.status in ("finished", "stopped") and (seen.alive is False or live.phase == "ended"):
        # Its log says nothing of a later attempt: that one died before its first step, and changed nothing.
        return Status(ended.status, ended.reason, "ended", history.ended_at)
    if seen.alive is False or live.phase == "ended":
        return Status("interrupted", _death(history, live, seen), "ended", live.time)
    return _live(history, live, silence(history, live, now, seen))


def _live(history: History, live: Live, quiet: str) -> Status:
    """The status of a run whose worker lives; `quiet` is the reason why it is silent, or ""."""
    if quiet:
        return Status("silent", quiet, live.phase, live.time, live.attempt)
    doing = f"{live.phase} {live.detail}".strip()
    name, why = "running", doing
    if live.phase in ("paused", "released"):
        name, why = "paused", live.detail or _paused_by(history)
    elif live.phase == "queued":
        name, why = "queued", live.detail or "waits for its device"
    elif live.phase in STARTING_PHASES:
        name = "starting"
    return Status(name, why, live.phase, live.phase_since, live.attempt)


def as_told(told: Told, now: float) -> Status:
    """The status of a run whose directory here is a mirror: as it is seen where its worker lives. While that host does
    not answer, a run that was live is silent.
    """
    name = told.status if told.alive and told.status not in OVER else _ended_name(told.status)
    quiet = told.silence(now)
    if quiet and name not in OVER:
        return Status("silent", quiet, told.phase, told.heard, told.attempt)
    return Status(name, told.why, told.phase, told.since, told.attempt)


def _ended_name(word: str) -> str:
    return word if word in OVER else "failed"


def _unheard(run: dict[str, Any], history: History, now: float, seen: Observations) -> Status:
    """The status of a run whose heartbeat cannot be read: its lock and its log decide."""
    never = _not_started(run, now)
    if seen.alive and never.over:
        return Status("silent", "its heartbeat cannot be read", "", history.last_time or never.since)
    if seen.alive or history.attempt is None:
        return never
    return Status("interrupted", f"its worker has gone {_place(history, history.step)}", "ended", history.last_time)


def _not_started(run: dict[str, Any], now: float) -> Status:
    created = run.get("created")
    created = float(created) if isinstance(created, (int, float)) else 0.0
    if -CLOCK_SECONDS <= now - created < STARTUP_SECONDS:
        return Status("starting", "the worker is being started", "starting", created)
    return Status("interrupted", "the worker never began; see worker.log", "ended", created)


def _death(history: History, live: Live, seen: Observations) -> str:
    last_word = live.detail if live.phase == "ended" else ""
    how = f"copied from {seen.copied}" if seen.copied else seen.crash or last_word or _killed(live, seen)
    step = max(history.step, live.step)
    phase = f" ({live.phase})" if not step and live.phase != "ended" else ""
    return f"{how} {_place(history, step)}{phase}"


def _place(history: History, step: int) -> str:
    """Where a run is after so many steps: `at epoch 2, step 3`."""
    attempt = history.attempt
    if not step:
        return "before the first step"
    if attempt is None or not attempt.steps_per_epoch:
        return f"at step {step}"
    epoch, inside = divmod(max(step - 1, 0), attempt.steps_per_epoch)
    return f"at epoch {epoch + 1}, step {inside + 1}"


def _killed(live: Live, seen: Observations) -> str:
    """The reason for a worker that was killed: by a user, with its machine, or by the kernel for want of memory. The
    kernel names its victims only in its own log, so that the last is a guess.
    """
    if seen.killer:
        return f"killed by {seen.killer}"
    if seen.lost:
        return f"lost ({seen.lost})"
    killed = seen.oom_kills is not None and 0 <= live.oom_kills < seen.oom_kills
    # The count is of the whole machine: where there was plenty for this worker, another process was meant.
    if not killed or not 0 <= live.memory_left <= max(live.peak, _SCARCE_BYTES):
        return "the worker was killed"
    return f"the worker was killed, probably out of memory (it had used {live.peak / 1e9:.1f} GB)"


def _paused_by(history: History) -> str:
    for record in reversed(history.commands):
        if record.get("action") == "pause" and record.get("by"):
            return f"paused by {record['by']}"
    return "paused"
