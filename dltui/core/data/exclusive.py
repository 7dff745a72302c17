"""A file lock for shared work: work that several runs may start together is done once, the others use its result."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.05


@contextmanager
def turn(path: Path, patience: float, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold a lock on `path` (created if missing). Yields True if it is held, False after `patience` seconds or where
    the file system has no locks. In that case the caller goes on without it, so its work must tolerate concurrent
    work.

    `waiting` is called again and again meanwhile; it may raise to give up. The file is gone afterwards.
    """
    descriptor, held = _take(path, time.monotonic() + patience, waiting)
    try:
        yield held
    finally:
        if held:
            # Who waits for this very file sees that it is gone, and takes the next one.
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(descriptor)


@contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder. Yields False if another process holds it, True otherwise and where the file system
    has no locks on folders. Raises OSError if the folder is gone.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        free = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        except OSError:
            # No locks on folders here.
            pass
        yield free
    finally:
        os.close(descriptor)


def _take(path: Path, deadline: float, waiting: Callable[[], None]) -> tuple[int, bool]:
    """A descriptor of the file at `path`, and whether it is locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            held = _acquire(descriptor, deadline, waiting)
            if not held or _is_at(path, descriptor):
                return descriptor, held
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """True if the path still names the open file; false once its last holder has removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _acquire(descriptor: int, deadline: float, waiting: Callable[[], None]) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
        except OSError:
            return False
        waiting()
        time.sleep(POLL_SECONDS)
