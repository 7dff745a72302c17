"""Ends a run at once: checks that it can be done from here, tells what is lost, and kills."""

from __future__ import annotations

import contextlib
import shlex
import signal
import time
from typing import TYPE_CHECKING

from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle.launch import launching
from dltui.core.text import clean_line, plural

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Live


def victim(reader: RunReader) -> Live:
    """The heartbeat of a worker that can be signaled from this machine. Raises UsageError where there is none."""
    from dltui.core.machine import process
    from dltui.core.rundir import claim

    name, (status, live) = reader.directory.id, reader.look()
    if status.over and not lingers(reader):
        original = claim.look(reader.directory.path, live).copied if live else ""
        if original:
            command = f"dltui kill {shlex.quote(clean_line(original))}"
            raise UsageError(f"{name} is a copy of a run that trains; to kill that one: {command}")
        raise UsageError(f"{name} is {status.name}: nothing to kill")
    if live is None:
        raise UsageError(f"{name} has no process yet; try again in a moment")
    if claim.read_told(reader.directory.path) is not None:
        return live
    if live.host != process.this_host():
        raise UsageError(f"{name} runs on {live.host}; kill it there, or use: dltui stop")
    if claim.look(reader.directory.path, live).process is None:
        raise UsageError(f"{name} runs where this process cannot see it (another container?); use: dltui stop")
    return live


def lingers(reader: RunReader) -> bool:
    """True if a run has ended and its worker is still a process of this machine: it draws, or something keeps it."""
    from dltui.core.rundir import claim

    (status, live), ended = reader.look(), reader.history.ended
    if live is None or ended is None or not status.over:
        return False
    return claim.look(reader.directory.path, live).process is not None


def cost(reader: RunReader) -> str:
    """A description of what a kill would lose. Raises UsageError where nothing can be killed."""
    status, live = reader.look()
    if lingers(reader):
        return "nothing but figures that are not drawn yet"
    if _has_job(reader.directory, status):
        return at_risk(reader.history, live, time.time())
    return at_risk(reader.history, victim(reader), time.time())


def _has_job(run: RunDirectory, status: Status) -> bool:
    """True if it is for a launcher to end the run. A job that was given up may live where the run has no end."""
    if launching.is_given_up(run):
        return not status.over or status.name in launching.ASKED
    return not status.over and launching.has_job(run)


def at_risk(history: History, live: Live | None, now: float) -> str:
    """The cost of a kill: `last checkpoint 40 s ago, 212 steps since`."""
    from dltui.core import numbers

    step = max(live.step if live else 0, int(history.points.steps[-1]) if len(history.points) else 0)
    if not history.checkpoints:
        return f"no checkpoint yet, {plural(step, 'step')}" if step else "nothing trained yet"
    last = history.checkpoints[-1]
    lost = max(step - int(last["step"]), 0)
    return f"last checkpoint {numbers.duration(now - float(last['time']))} ago, {plural(lost, 'step')}"


def kill(reader: RunReader, attempt: int | None = None) -> None:
    """End the worker, if it is that of the attempt, or the job that waits to begin one (`commands.NOT_BEGUN`); None is
    any. Raises UsageError where that is not possible.
    """
    from dltui.core.rundir import claim, commands

    status = reader.status()
    if problem := commands.meant_for_another(attempt, status.attempt):
        raise UsageError(f"{reader.directory.id} was not killed: {problem}")
    attempt = status.attempt or attempt or None
    if claim.read_told(reader.directory.path) is not None:
        # It is killed where it lives, by who takes this command there.
        victim(reader)
        commands.send(reader.directory.path, "kill", {}, attempt=attempt)
        return
    live = None if _has_job(reader.directory, status) else victim(reader)
    if not status.over:
        # Only for the log, which this worker or the next one writes; a full disk must not save a run from its end.
        with contextlib.suppress(RunError):
            commands.send(reader.directory.path, "kill", {}, attempt=attempt)
    if live is None:
        launching.end(reader.directory)
        return
    claim.send_signal(reader.directory.path, live, signal.SIGKILL)
