"""One worker a run: a lock that dies with its process, also when that is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import time
from pathlib import Path

from dltui.core import fs
from dltui.core.errors import RunError

# struct flock of Linux on 64 bits: short type, short whence, long start, long length, int pid.
FLOCK = "hhqqi4x"


class RunLock:
    """Held until the process ends or `release`. `lockf`, because a forked child does not inherit it."""

    def __init__(self) -> None:
        self._fd: int | None = None

    def acquire(self, path: Path) -> None:
        """Raises RunError naming the holder when another process holds it."""
        fd = fs.system().open(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise RunError(f"another worker trains this run: {_who(path)}; watch it with dltui attach") from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {time.time():.0f}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def holder(path: Path) -> int | None:
    """The pid of the process that holds the lock; None when nobody does or where one cannot ask."""
    if sys.platform != "linux":
        return None
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        question = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, question))
    except OSError:
        return None
    finally:
        os.close(fd)
    return pid if kind != fcntl.F_UNLCK else None


def _who(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        pid, since = path.read_text(encoding="ascii").split()
        return f"pid {int(pid)} since {time.strftime('%H:%M:%S', time.localtime(float(since)))}"
    return "it has just begun"
