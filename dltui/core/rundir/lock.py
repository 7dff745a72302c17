"""One worker at a time on a run: a record lock that the kernel frees with the process, whatever happens to it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import struct
import sys
import time
from pathlib import Path

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.machine import process
from dltui.core.text import clean_line

# struct flock of Linux on 64 bits: type, whence, start, length, pid.
_FLOCK = "hhqqi"

# A second descriptor on the file, once closed, would free the process's own lock: such files are not opened again.
_held: dict[tuple[int, int], int] = {}


class RunLock:
    """Held by the worker for its whole life, with `lockf`: a forked child does not inherit it."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self._key = (0, 0)

    def acquire(self, path: Path) -> None:
        """Raises RunError when another worker has it."""
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
    """Say in the file who holds it; only for people, so a full disk does not matter."""
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
    pid = _ask(fd)
    try:
        note = json.loads(os.pread(fd, 4096, 0))
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(note["since"]))
        return f"{name} is running, pid {pid or note['pid']} on {clean_line(note['host'], 64)} since {since}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return f"{name} is running, pid {pid}" if pid else f"{name} is running already"


def _ask(fd: int) -> int | None:
    """The pid of another process that holds the lock, by F_GETLK."""
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, question))
    except OSError:
        return None
    return int(pid) if kind != fcntl.F_UNLCK and pid > 0 else None


def holder(path: Path) -> int | None:
    """The pid of the worker that holds the lock, None when nobody does or the system cannot say (only Linux can)."""
    if _key(path) in _held:
        return os.getpid()
    try:
        # Only looking: reading suffices to ask, and works on somebody else's run.
        fd = fs.open_regular(path)
    except OSError:
        return None
    try:
        return _ask(fd)
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock. Where the system cannot be asked it is tried, and held for that moment."""
    if _key(path) in _held:
        return True
    if sys.platform == "linux" and struct.calcsize("P") == 8:
        return holder(path) is not None
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
