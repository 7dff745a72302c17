"""Limits a run to a single worker at a time: a record lock that the kernel frees when the process ends in any way."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.machine import process
from dltui.core.text import clean_line


class _Flock(NamedTuple):
    """struct flock of a system: its members in their order, and how they are packed."""

    packing: str
    members: tuple[str, ...]


_FLOCKS = {
    "linux": _Flock("hhqqi", ("type", "whence", "start", "length", "pid")),
    "darwin": _Flock("qqihh", ("start", "length", "pid", "type", "whence")),
}
_FLOCK = _FLOCKS.get(sys.platform) if struct.calcsize("P") == 8 else None
"""None where a lock cannot be asked about."""

# A second descriptor on the file, once closed, would free the process's own lock: such files are not opened again.
_held: dict[tuple[int, int], int] = {}


class RunLock:
    """The lock that a worker holds for its whole life, with `lockf`: a forked child does not inherit it."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self._key = (0, 0)

    def acquire(self, path: Path) -> None:
        """Take the lock. Raises RunError when another worker has it."""
        key = _key(path)
        if key in _held:
            raise RunError(f"run {clean_line(path.parent.name)} is running, pid {os.getpid()}")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RunError(f"cannot lock {clean_line(path)}: {error.strerror}") from error
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            reason = _refusal(fd, error, path)
            os.close(fd)
            raise RunError(reason) from error
        self._fd = fd
        self._key = _key(path) or (0, 0)
        _held[self._key] = fd
        _sign(fd)

    def hand_on(self) -> int:
        """Have the lock outlive this process's program, which `exec` is about to replace; returns the descriptor for
        `take_over` there. Raises RunError without a lock.
        """
        if self._fd is None:
            raise RunError("the run's lock is not held")
        os.set_inheritable(self._fd, True)
        return self._fd

    def take_over(self, path: Path, descriptor: int) -> None:
        """Take the lock that the program before has handed on, or anew where that cannot be. Raises RunError."""
        try:
            found = os.fstat(descriptor)
            key = (found.st_dev, found.st_ino)
        except OSError:
            key = (0, 0)
        if key != _key(path):
            self.acquire(path)
            return
        os.set_inheritable(descriptor, False)
        self._fd, self._key = descriptor, key
        _held[key] = descriptor

    def release(self) -> None:
        if self._fd is not None:
            _held.pop(self._key, None)
            os.close(self._fd)
            self._fd = None


def _key(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _sign(fd: int) -> None:
    """Write the holder into the file, for people only, so that a full disk does not matter."""
    here = process.current()
    note = json.dumps({"pid": here.pid, "host": here.host, "since": time.time()}).encode()
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, note, 0)
    except OSError:
        pass


def _refusal(fd: int, error: OSError, path: Path) -> str:
    name = f"run {clean_line(path.parent.name)}"
    if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
        return f"the disk of {clean_line(path)} has no file locks; set DLTUI_HOME to a folder on another disk"
    if error.errno not in (errno.EACCES, errno.EAGAIN):
        return f"cannot lock {clean_line(path)}: {error.strerror}"
    pid = 0
    with contextlib.suppress(OSError):
        pid = (_ask(fd, _FLOCK) or 0) if _FLOCK else 0
    try:
        note = json.loads(os.pread(fd, 4096, 0))
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(note["since"]))
        return f"{name} is running, pid {pid or note['pid']} on {clean_line(note['host'], 64)} since {since}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return f"{name} is running, pid {pid}" if pid else f"{name} is running already"


def _ask(fd: int, flock: _Flock) -> int | None:
    """The pid of another process that holds the lock, by F_GETLK; 0 for a process that cannot be seen from here (of
    another PID namespace, or of another host of a network disk), None when the lock is free. Raises OSError when it
    cannot be determined.
    """
    whole = {"type": fcntl.F_WRLCK, "whence": os.SEEK_SET, "start": 0, "length": 0, "pid": 0}
    question = struct.pack(flock.packing, *(whole[name] for name in flock.members))
    values = struct.unpack(flock.packing, fcntl.fcntl(fd, fcntl.F_GETLK, question))
    answer = dict(zip(flock.members, values, strict=True))
    return max(int(answer["pid"]), 0) if answer["type"] != fcntl.F_UNLCK else None


@dataclass(frozen=True)
class Lock:
    """The state of a lock, seen without taking it. `pid` is 0 when it is free, or its holder cannot be seen."""

    held: bool
    pid: int = 0


def look(path: Path) -> Lock | None:
    """The state of a lock; None when it cannot be determined: no file, not readable, or a system without F_GETLK."""
    if _key(path) in _held:
        return Lock(True, os.getpid())
    if _FLOCK is None:
        return _tried(path)
    try:
        # Read access suffices to ask, and works on another user's run.
        fd = fs.open_regular(path)
    except OSError:
        return None
    try:
        pid = _ask(fd, _FLOCK)
    except OSError:
        return None
    finally:
        os.close(fd)
    return Lock(pid is not None, pid or 0)


def _tried(path: Path) -> Lock | None:
    """The state of a lock where the system cannot be asked: the lock is taken for a moment."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return Lock(True) if error.errno in (errno.EACCES, errno.EAGAIN) else None
    finally:
        os.close(fd)
    return Lock(False)


def holder(path: Path) -> int | None:
    """The pid of the worker that holds the lock, None when it is free or its holder cannot be seen."""
    found = look(path)
    return found.pid or None if found else None


def is_held(path: Path) -> bool:
    """True if a process holds the lock, also a process that cannot be seen from here."""
    found = look(path)
    return found is not None and found.held
