"""Decides the status of a run that a launcher has started, as long as no worker tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.numbers import ordinal
from dltui.core.reading.status import Status

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.heartbeat import Live
    from dltui.core.rundir.launch import LaunchRecord

WAITING = "waiting"
"""The phase of a run that has no worker yet, and waits where its launcher has put it."""
AGAIN_SECONDS = 60.0
"""The time in which a job that its machine wanted back is expected in the queue again."""


def status(
    record: LaunchRecord | None, history: History, live: Live | None, alive: bool | None, now: float
) -> Status | None:
    """The status of a run with this record; None where its log and its worker say more than the launcher."""
    if record is None or not record.job:
        return None
    if history.ended is not None and history.ended_attempt > record.attempts:
        began, over = history.ended_at, True
        if history.ended.status != "preempted":
            return None
    elif live is not None and live.attempt > record.attempts:
        began, over = live.time, False
        if alive is True or (alive is None and now - live.time < AGAIN_SECONDS):
            return None
    else:
        # What the log says of an earlier attempt holds again once the new one is taken out.
        return None if record.withdrawn and history.ended is not None else _not_begun(record)
    if record.withdrawn:
        return None
    if record.asked > began:
        return _told(record, over, live, alive)
    if record.requeues and now - began < AGAIN_SECONDS:
        return Status("queued", f"goes into the queue of {record.launcher} again", WAITING, began)
    return None


def _not_begun(record: LaunchRecord) -> Status:
    """The status of a run whose job has not begun."""
    if record.withdrawn:
        return Status("interrupted", f"{record.reason or 'taken out'} before it began", "ended", record.asked)
    if record.state == "gone":
        why = f"its job in {record.launcher} is gone before it began"
        why = f"{why}: {record.reason}" if record.reason else why
        return Status("interrupted", f"{why}; see worker.log", "ended", record.asked)
    if record.state == "running":
        where = f" ({record.reason})" if record.reason else ""
        return Status("starting", f"its job has begun{where}", WAITING, record.asked)
    return _waiting(record)


def _told(record: LaunchRecord, over: bool, live: Live | None, alive: bool | None) -> Status | None:
    """The status of a run whose worker has gone, as the launcher told afterwards."""
    if record.state == "gone":
        # Its log, or how its worker died, says more.
        known = over or alive is False
        return None if known else Status("interrupted", record.reason or "its job is gone", "ended", record.asked)
    if record.state == "running":
        return Status("starting", "its job begins again", WAITING, record.asked) if over else _lost(record, live, alive)
    if record.state == "unknown" and not over:
        return None
    return _waiting(record)


def _lost(record: LaunchRecord, live: Live | None, alive: bool | None) -> Status | None:
    """The status of a run whose worker is gone while its job runs: a scheduler takes minutes to miss a node, and only
    then puts the job into its queue again.
    """
    if live is None or alive is not False or not record.requeues:
        return None
    return Status("silent", f"its worker has gone, its job in {record.launcher} still runs", live.phase, live.time)


def _waiting(record: LaunchRecord) -> Status:
    if record.state == "unknown":
        why = f"handed over to {record.launcher}, which does not answer"
        return Status("queued", f"{why}: {record.reason}" if record.reason else why, WAITING, record.time)
    place = f"{ordinal(record.place)} in line" if record.place else ""
    told = ", ".join(filter(None, (record.reason, place)))
    why = f"waits in the queue of {record.launcher}"
    return Status("queued", f"{why}: {told}" if told else why, WAITING, record.time)
