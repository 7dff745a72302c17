"""The queue of a device: a ticket for each worker, locked for as long as the worker lives.

The tickets of a device of this host are files in a folder of their own, named ORDER-RUN. ORDER is the time in
nanoseconds when the worker joined the queue, or one more than the last of the queue, which a clock that was set back
does not undo. It is 0 for a worker that has the device; a mark then follows the name, since a run and a copy of it that
is verified have the same. A queued worker may begin when no living ticket sorts before its own, so runs that were
started at once go first and the queue is first come, first served. A run on several devices has a ticket of one order
for each, and begins when it is its turn at all of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltui.core import fs, paths
from dltui.core.errors import RunError
from dltui.core.machine import process
from dltui.core.machine.devices import each_of
from dltui.core.numbers import ordinal
from dltui.core.rundir import lock
from dltui.core.text import clean_line
from dltui.core.train.steering import acknowledge

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.core.rundir.commands import Command
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.train.steering import CommandJournal

POLL_SECONDS = 0.5
STARTUP_SECONDS = 20.0
"""A ticket is made by who starts the worker, in the order of the queue; for so long it counts without a lock."""
LEAST_SHARE = 0.5
"""The part of a GPU's memory that must be free: a run's need is not known before it runs."""
LEAST_BYTES = 1 << 29
"""The main memory in bytes that must be left for a run on the CPU."""
_NAME = re.compile(r"(\d{20})-([^~]+)(?:~.*)?")


@dataclass(frozen=True)
class Ticket:
    """A worker's claim to a device. `order` 0: it has the device."""

    order: int
    run: str
    path: Path

    def alive(self, now_ns: int) -> bool:
        """True if its worker lives, or may still be starting."""
        if lock.is_held(self.path):
            return True
        return self.order > 0 and 0 <= now_ns - self.made_ns() < STARTUP_SECONDS * 1e9

    def made_ns(self) -> int:
        """When it was made, in nanoseconds; its order may be later, behind those of a queue from before the clock was
        set back.
        """
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return 0


def join(run: RunDirectory, device: Mapping[str, Any] | None = None) -> int:
    """Put a run at the end of the queue of its device, or of this one, and return its order; its worker must start
    soon.

    Raises RunError when the folder cannot be written to.
    """
    folder = paths.home()
    folders = _folders(run, device)
    last = max((ticket.order for one in folders for ticket in _tickets(one)), default=0)
    order = max(time.time_ns(), last + 1)
    try:
        for folder in folders:
            os.close(os.open(_ticket(folder, run, order), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        leave(run, order, device)
        raise RunError(f"cannot queue {clean_line(run.id)}: {error.strerror} in {folder}") from error
    return order


def is_free(gpu: Device, own: Collection[str]) -> bool:
    """True if a run that joined the queue of a GPU now would wait there for nobody but its `own`, ids of runs."""
    return all(ticket.run in own for ticket in _tickets(_folder(gpu.uuid, gpu.name))) and not _taken_memory(gpu)


def leave(run: RunDirectory, order: int, device: Mapping[str, Any] | None = None) -> None:
    """Take back a `join` whose worker could not be started."""
    for folder in _folders(run, device):
        with contextlib.suppress(OSError):
            fs.FS.unlink(_ticket(folder, run, order))


def tickets(run: RunDirectory) -> list[Ticket]:
    """The live tickets for the devices of a run, of each in their order; those of dead workers are removed."""
    return [ticket for folder in _folders(run, None) for ticket in _tickets(folder)]


def _tickets(folder: Path) -> list[Ticket]:
    found, now = [], time.time_ns()
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        ticket = Ticket(int(match[1]), match[2], folder / name)
        if ticket.alive(now):
            found.append(ticket)
        else:
            _sweep(ticket, now)
    return found


def _sweep(ticket: Ticket, now_ns: int) -> None:
    # A worker that is born very late may be about to lock the ticket that it was given.
    if ticket.order == 0 or abs(now_ns - ticket.made_ns()) > 3600e9:
        with contextlib.suppress(OSError):
            fs.FS.unlink(ticket.path)


class _At:
    """A worker's own place in the queue of one device."""

    def __init__(self, folder: Path, run: RunDirectory, device: Mapping[str, Any]) -> None:
        self._folder, self._run, self._device = folder, run, device
        self._lock = lock.RunLock()
        self._path: Path | None = None

    def occupy(self) -> None:
        path = self._own()
        temp = fs.temp_name(path)
        with contextlib.suppress(OSError, RunError):
            # Locked before others can see it: an unlocked one would be taken for a dead worker's.
            self._lock.acquire(temp)
            self._path = temp
            fs.FS.rename(temp, path)
            self._path = path

    def take_up(self, order: int) -> None:
        self._path = _ticket(self._folder, self._run, order)
        self._lock.acquire(self._path)

    def waits_for(self) -> str:
        device = self._device["name"]
        ahead: list[Ticket] = []
        for ticket in _tickets(self._folder):
            if ticket.path == self._path:
                break
            ahead.append(ticket)
        queued = sum(ticket.order > 0 for ticket in ahead)
        if ahead:
            return clean_line(f"{ordinal(queued + 1)} in line for {device}, after {ahead[-1].run}")
        scarce = _scarce(self._device)
        return clean_line(f"1st in line for {device}, {scarce}") if scarce else ""

    def begin(self) -> None:
        if self._path is not None:
            path = self._own()
            with contextlib.suppress(OSError):
                fs.FS.rename(self._path, path)
                self._path = path

    def _own(self) -> Path:
        """The path of a ticket for the device itself, which no other worker of a run of this name has."""
        return Path(f"{_ticket(self._folder, self._run, 0)}~{secrets.token_hex(4)}")

    def leave(self) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                fs.FS.unlink(self._path)
            self._path = None
        self._lock.release()


class Place:
    """A worker's own place in the queue of its device, or in those of several."""

    def __init__(self, run: RunDirectory, device: Mapping[str, Any] | None = None) -> None:
        """`device` replaces that of run.json."""
        self.run, self._device = run, device
        self._places: list[_At] = []

    def occupy(self) -> None:
        """Take the device at once, whoever else has it. After a disk error only the queue does not see it."""
        for place in self._at_each():
            place.occupy()

    def join(self) -> None:
        """Queue up at the end. Raises RunError, and then it is in no queue."""
        order = join(self.run, self._device)
        try:
            self.take_up(order)
        except RunError:
            self.leave()
            leave(self.run, order, self._device)
            raise

    def take_up(self, order: int) -> None:
        """Take the place that `join` reserved for this run. Raises RunError."""
        for place in self._at_each():
            place.take_up(order)

    def _at_each(self) -> list[_At]:
        self._places = [_At(folder, self.run, one) for folder, one in _folders(self.run, self._device).items()]
        return self._places

    def waits_for(self) -> str:
        """The reason why the run cannot begin, in one sentence; "" when it is its turn."""
        return next(filter(None, (place.waits_for() for place in self._places or self._at_each())), "")

    def begin(self) -> None:
        """Take the device when it is this run's turn."""
        for place in self._places:
            place.begin()

    def leave(self) -> None:
        """Give the device back; the kernel does the same for a worker that is killed."""
        for place in self._places:
            place.leave()


def wait(place: Place, journal: CommandJournal, quitting: Callable[[], bool]) -> Literal["stopped", "preempted"] | None:
    """Wait for the device, without imports. Returns None when it is this run's turn, else how the run ended before it
    began.
    """
    said = ""
    while True:
        if quitting():
            return "preempted"
        obeyed = [_obey(journal, command) for command in journal.commands()]
        if any(obeyed):
            return "stopped"
        reason = place.waits_for()
        if not reason:
            place.begin()
            return None
        if reason != said:
            journal.phase("queued", reason)
            said = reason
        time.sleep(POLL_SECONDS)


def _obey(journal: CommandJournal, command: Command) -> bool:
    """Acknowledge the command, and return True if it takes the run out of the queue. A kill is a signal; its command is
    only logged.
    """
    known = command.action in ("stop", "kill")
    acknowledge(journal, command, "" if known else "the run is queued; stop takes it out")
    journal.obeyed(command)
    return command.action == "stop"


def _scarce(device: Mapping[str, Any]) -> str:
    """The reason why a device that no run has cannot be used: other programs use its memory; "" when it can."""
    from dltui.core.machine import memory

    kind = str(device["name"]).split(":")[0]
    if kind == "cuda":
        return _scarce_gpu(device.get("uuid"))
    left = memory.memory_left()
    if left is None or left >= LEAST_BYTES:
        return ""
    return f"this machine has only {left / 1e9:.1f} GB of memory left"


def _scarce_gpu(uuid: str | None) -> str:
    from dltui.core.machine.devices import list_devices

    found = next((device for device in list_devices() if uuid and device.uuid == uuid), None)
    # One that is gone or broken is for the worker to fail on, with its reason.
    return _taken_memory(found) if found else ""


def _taken_memory(found: Device) -> str:
    """Why too little of a GPU's memory is free; "" where enough is, or nobody knows."""
    if not found.total_bytes or found.free_bytes is None:
        return ""
    if found.free_bytes >= LEAST_SHARE * found.total_bytes:
        return ""
    users = ", ".join(dict.fromkeys(user for user, _, _ in found.processes))
    return f"{found.free_bytes / 1e9:.1f} of {found.total_bytes / 1e9:.0f} GB free" + (
        f", in use by {users}" * bool(users)
    )


def _folders(run: RunDirectory, device: Mapping[str, Any] | None) -> dict[Path, Mapping[str, Any]]:
    """The devices of a run by the folder of their tickets, each once. The home may lie on a disk that several hosts
    share.
    """
    found: dict[Path, Mapping[str, Any]] = {}
    for one in each_of(device or run.run()["device"]):
        folder = _folder(one.get("uuid"), str(one["name"]))
        paths.ensure_private_dir(folder)
        found.setdefault(folder, one)
    return found


def _folder(uuid: str | None, name: str) -> Path:
    host, device = (re.sub(r"[^A-Za-z0-9._-]", "-", word) for word in (process.this_host(), uuid or name))
    return paths.home() / "devices" / host / device


def _ticket(folder: Path, run: RunDirectory, order: int) -> Path:
    return folder / f"{order:020d}-{run.id}"
