"""The pause that gives the device back: the worker becomes a small process without a framework, which waits for a word.

The process is replaced in its place (`exec`), so that the device's memory is free at once, the run never is without a
process that readers can see, and a kill at any moment leaves an interrupted run with all that it had trained.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dltui.core.errors import RunError
from dltui.core.train.steering import acknowledge, releases
from dltui.core.worker.waiting import device_queue

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.commands import Command
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.lock import RunLock
    from dltui.core.train.steering import CommandJournal
    from dltui.core.worker.waiting.device_queue import Place

PHASE = "released"
"""The worker's phase while it waits; the run's status is paused."""
GIVEN_BACK = "device given back"
UNTIL_FREE = "given back until free"


def become_waiting(run: RunDirectory, held: RunLock, instead: Mapping[str, Any]) -> None:
    """Replace this process by one that waits and holds the run's lock; does not return. Raises OSError where that
    cannot be.
    """
    words = [sys.executable, "-P", "-m", "dltui.core.worker.worker_process", str(run.path)]
    words += ["--instead", json.dumps(instead)] if instead else []
    sys.stdout.flush()
    sys.stderr.flush()
    # A driver frees a device's memory when the last descriptor of the device is closed.
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - its entries are numbers
        if name.isdigit() and int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                continue
    # Without a moment in which a reader finds the lock free.
    os.execv(sys.executable, [*words, "--released", str(held.hand_on())])


@dataclass
class Wishes:
    """The wishes about a run that has given its device back, as the commands until now tell. `until_free`: it goes on
    by itself as soon as another run, or another program, has used the device and it is free again.
    """

    until_free: bool = False
    goes_on: bool = False
    stopped: bool = False
    used: bool = False

    def take(self, command: Command) -> str:
        """Take a command; returns the reason why it cannot be obeyed, or ""."""
        if command.action == "resume":
            self.goes_on = True
        elif command.action == "stop":
            self.stopped = True
        elif releases(command.action, command.arguments):
            self.until_free = bool(command.arguments.get("until_free"))
        elif command.action == "checkpoint":
            return "all is saved: the run has given its device back"
        elif command.action != "kill":
            return "the run has given its device back; dltui resume goes on"
        return ""

    def look(self, place: Place) -> None:
        """Look at who uses the device."""
        if self.until_free:
            busy = bool(place.waits_for())
            self.goes_on = self.goes_on or (self.used and not busy)
            self.used = self.used or busy

    @property
    def words(self) -> str:
        """The state as the heartbeat tells it."""
        return UNTIL_FREE if self.until_free else GIVEN_BACK


def wait(
    place: Place, journal: CommandJournal, history: History, quitting: Callable[[], bool]
) -> Literal["stopped", "preempted"] | None:
    """Wait, without imports and without a ticket: every other run goes first. Returns None when the run has its device
    again, else how it ended.
    """
    wishes = Wishes(until_free=_asked_until_free(history))
    said = ""
    while True:
        if quitting():
            return "preempted"
        for command in journal.commands():
            acknowledge(journal, command, wishes.take(command), history.epochs_done, history.step)
            journal.obeyed(command)
        if wishes.stopped:
            return "stopped"
        wishes.look(place)
        problem = _queue_up(place) if wishes.goes_on else wishes.words
        if not problem:
            return device_queue.wait(place, journal, quitting)
        if problem != said:
            journal.phase(PHASE, problem)
            said = problem
        time.sleep(device_queue.POLL_SECONDS)


def _queue_up(place: Place) -> str:
    """Join the queue of the device. Returns the reason why that cannot be now, or ""."""
    try:
        place.join()
    except RunError as error:
        # Else it would wait behind itself.
        place.leave()
        return f"{error}; tries again"
    return ""


def _asked_until_free(history: History) -> bool:
    for record in reversed(history.commands):
        arguments = record.get("arguments")
        if isinstance(arguments, dict) and releases(str(record.get("action")), arguments):
            return bool(arguments.get("until_free"))
    return False
