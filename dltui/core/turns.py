"""One at a time: work that several runs may start together is done once, and the others use its result."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.05


@contextmanager
def turn(path: Path, patience: float, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold a lock on `path` (made if need be). Yields whether it is held: False after `patience` seconds or where
    the file system has no locks. Then the caller goes on all the same, so its work must survive company.

    `waiting` is called again and again meanwhile; it may raise to give up.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _acquire(descriptor, time.monotonic() + patience, waiting)
    finally:
        os.close(descriptor)


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
