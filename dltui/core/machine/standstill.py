"""Measures for how long this process stood still as a whole: stopped by a signal, as by Slurm that lets another job go
first, or frozen with its container.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

LEAST_SECONDS = 3.0
"""A busy machine lets a process wait for its turn; only what goes beyond this is a standstill."""


class Standstill:
    """Adds up the standstills that a thread notices which does little but wait: its waits are then too long."""

    def __init__(self) -> None:
        self._computed = _clock_of_main_thread()
        self._wait: tuple[float, float | None, float] = (0.0, None, 0.0)
        """The seconds until now; when the wait that is going on is to end, and what the main thread had computed."""

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Wait for an event, so many seconds at most."""
        self._wait = (self.seconds, time.monotonic() + seconds, self._computed())
        event.wait(seconds)
        self._wait = (self.seconds, None, 0.0)

    @property
    def seconds(self) -> float:
        """The seconds of all standstills so far, without the first few of each."""
        before, end, computed = self._wait
        if end is None:
            return before
        # A library that lets no other thread run computes meanwhile.
        late = time.monotonic() - end - (self._computed() - computed)
        return before + max(late - LEAST_SECONDS, 0.0)


def _clock_of_main_thread() -> Callable[[], float]:
    """The seconds for which the main thread has computed; those of all threads together where that is not told."""
    ident = threading.main_thread().ident
    try:
        assert ident is not None
        return functools.partial(time.clock_gettime, time.pthread_getcpuclockid(ident))
    except (AttributeError, AssertionError, OSError):
        return time.process_time
