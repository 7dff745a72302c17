"""The state of a run, told from its files and its process: no run says "running" for ever."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.process import alive

if TYPE_CHECKING:
    from dltui.core.history import History
    from dltui.core.live import Live

STATUSES = (
    "queued", "starting", "running", "paused", "silent", "finished", "stopped", "interrupted", "preempted", "failed",
)  # fmt: skip
ALIVE = ("queued", "starting", "running", "paused", "silent")

START_SECONDS = 20.0
"""How long a worker may take to write its first heartbeat."""
OLD_SECONDS = 10.0
"""A heartbeat is rewritten every second; an older one means that the whole process stands still."""
OTHER_HOST_SECONDS = 90.0

STARTING_PHASES = ("starting", "importing", "loading data", "building", "compiling")


@dataclass(frozen=True)
class Status:
    """`name` is one of STATUSES, `why` one sentence or "", `phase` what the worker does, `since` unix seconds."""

    name: str
    why: str = ""
    phase: str = ""
    since: float = 0.0


def tell(history: History, live: Live | None, created: float, now: float | None = None) -> Status:
    """Pure but for one look at the process table."""
    now = time.time() if now is None else now
    ended = history.ended if history.ended and (live is None or history.last_attempt >= live.attempt) else None
    if ended:
        return Status(ended.status, ended.reason, live.phase if live else "ended", history.ended_at)
    if live is None:
        if now - created < START_SECONDS:
            return Status("starting", "the worker has not written anything yet", "starting", created)
        return Status("interrupted", "its worker never began; see worker.log", "", created)
    running = alive(live.process)
    if running is False or live.phase == "ended":
        return Status("interrupted", _interrupted(history, live), live.phase, live.time)
    return _running(live, now, here=running is True)


def _interrupted(history: History, live: Live) -> str:
    if history.attempt is None or live.step == 0:
        return f"the worker died in phase {live.phase}; see worker.log"
    steps = max(history.attempt.steps_per_epoch, 1)
    epoch, step = divmod(max(live.step, history.last_step), steps)
    return f"the worker died at epoch {epoch + 1}, step {step}; resume goes on from the last checkpoint"


def _running(live: Live, now: float, here: bool) -> Status:
    old, still = now - live.time, now - live.moved
    if not here:
        if old > OTHER_HOST_SECONDS:
            return Status("silent", f"no heartbeat from {live.host} for {old:.0f} s", live.phase, live.time)
    elif old > OLD_SECONDS + live.patience or (old > 30 and live.phase != "paused"):
        return Status("silent", f"no heartbeat for {old:.0f} s: the process stands still", live.phase, live.time)
    if live.phase == "paused":
        return Status("paused", live.detail or "paused by command; it keeps its memory", live.phase, live.phase_since)
    if here and still > live.patience:
        return Status("silent", f"no progress in {live.phase} for {still:.0f} s", live.phase, live.moved)
    name = "starting" if live.phase in STARTING_PHASES else "running"
    return Status(name, live.detail, live.phase, live.phase_since)
