"""Sends a command to a run, and waits until the run acknowledges it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError, UsageError
from dltui.core.reading.launched import WAITING
from dltui.tui.cli.follow.waiting import Ticker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status
    from dltui.core.rundir.directory import RunDirectory


SETTLE_SECONDS = 2.0
RELEASE_SECONDS = 60.0
"""The time in seconds that is waited for a checkpoint and the end of the process that had the device."""


class NoAnswerError(DltuiError):
    """The worker did not acknowledge in time; the command stays in the run directory."""


def found_run(text: str | None) -> RunDirectory:
    """The run that a name means, also HOST:RUN, which is followed from then on. Raises DltuiError."""
    from dltui.core.rundir.directory import find_run

    if text is None or ":" not in text:
        return find_run(text)
    from dltui.core.hosts import address

    far = address.elsewhere(text)
    if far is None:
        return find_run(text)
    from dltui.tui.cli.hosts import near

    return near.follow_run(*far)


def open_run(text: str | None) -> RunReader:
    from dltui.core.reading.reader import RunReader

    reader = RunReader(found_run(text))
    reader.refresh()
    return reader


def each_once(runs: Iterable[RunDirectory]) -> list[RunDirectory]:
    """The runs in their order, one that was named twice, or by two paths, a single time."""
    found: dict[Path, RunDirectory] = {}
    for run in runs:
        found.setdefault(run.path.resolve(), run)
    return list(found.values())


def is_named(run: RunDirectory, text: str) -> bool:
    """True if a text is the whole name of a run, of another host HOST:NAME, or the path of its folder, and not only the
    beginning of a name.
    """
    from dltui.core.hosts import address

    far, name = address.split(run.id), run.labels()["name"]
    return os.sep in text or text in (run.id, name if far is None else address.joined(far[0], name))


def known_status(reader: RunReader) -> Status:
    """The status of a run, after its launcher was asked where that alone knows what has become of it."""
    from dltui.core.lifecycle.launch import launching

    status = reader.status()
    return reader.status() if launching.refresh_all([(reader.directory, status)]) else status


def alive_run(text: str, action: str) -> RunReader:
    """A reader of the run, which must be live. Raises UsageError with its status otherwise."""
    from dltui.core.reading.liveness.certainty import certain_status

    reader = open_run(text)
    status = known_status(reader)
    if status.over:
        status = certain_status(reader)
    if status.over:
        raise UsageError(f"{reader.directory.id} is {status.name}: nothing to {action}")
    if status.phase == WAITING and action != "stop":
        raise UsageError(f"{reader.directory.id} has no worker yet: it {status.why}; dltui stop takes it out")
    return reader


def take_out(reader: RunReader, by: str | None = None) -> None:
    """End the job of a run that has no worker yet: it waits for one where its launcher has put it. `by` names who
    wanted that, by default this user. Raises UsageError with the launcher's words.
    """
    from dltui.core.hosts import mirror
    from dltui.core.lifecycle.launch import launching
    from dltui.core.rundir import commands
    from dltui.tui.cli.hosts import near

    if mirror.origin(reader.directory) is None:
        launching.end(reader.directory, by)
    else:
        near.kill(reader.directory, commands.NOT_BEGUN)


def order(
    reader: RunReader, action: str, arguments: dict[str, Any], by: str | None = None, seconds: float | None = None
) -> dict[str, Any]:
    """Send a command to the attempt that lives, and return its acknowledgement; `by` names the sender in the run's log,
    by default this user. Raises NoAnswerError, also after so many `seconds` without an answer.
    """
    from dltui.core.rundir import commands

    attempt = reader.status().attempt or None
    sent = commands.send(reader.directory.path, action, arguments, by, attempt=attempt)
    began, ticker = time.monotonic(), Ticker()
    try:
        while True:
            reader.refresh()
            for entry in reader.history.commands:
                if entry["id"] == sent:
                    return _obeyed(reader, entry)
            status = reader.status()
            if why := commands.refusal(reader.directory.path, sent):
                raise UsageError(f"{reader.directory.id} takes no {action}: {why}")
            if status.over:
                raise NoAnswerError(f"{reader.directory.id} ended ({status.name}) before it could {action}")
            if seconds is not None and time.monotonic() - began > seconds:
                left = "it is obeyed when the run goes on"
                raise NoAnswerError(f"{reader.directory.id} did not answer in {seconds:.0f} s to {action}: {left}")
            ticker.tell(reader, time.monotonic() - began)
            time.sleep(0.05)
    finally:
        ticker.close()


def settle(reader: RunReader, name: str, wanted: bool) -> None:
    """Wait until the status is (`wanted`), or is no longer, `name`: the heartbeat follows an acknowledgement a moment
    later, and the next command must find the run in its new state.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while (reader.status().name == name) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)


def settle_released(reader: RunReader) -> None:
    """Wait until a run has given its device back. Raises NoAnswerError where that takes too long, or it has ended
    instead.
    """
    deadline, ticker, began = time.monotonic() + RELEASE_SECONDS, Ticker(), time.monotonic()
    try:
        while (status := reader.status()).phase != "released":
            if status.over or time.monotonic() > deadline:
                why = f": {status.why}" if status.why else ""
                raise NoAnswerError(f"{reader.directory.id} is {status.name}{why}")
            ticker.tell(reader, time.monotonic() - began)
            time.sleep(0.05)
            reader.refresh()
    finally:
        ticker.close()


def _obeyed(reader: RunReader, entry: dict[str, Any]) -> dict[str, Any]:
    if entry["action"] != "ignored":
        return entry
    reasons = [text for _, level, text in reader.history.logs if level == "warning" and "ignored" in text]
    raise UsageError(reasons[-1] if reasons else "the worker ignored the command")
