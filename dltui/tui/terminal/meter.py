"""Limits the output to the terminal, and notices when the connection is too slow for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from dltui.tui.terminal.ansi_diff import AnsiDiff

# Over so many seconds it is measured.
SPAN = 5.0
# A link that makes the screen wait for this part of the time is slow; for less than that, it has caught up.
SLOW, CAUGHT_UP = 0.2, 0.02
MOST_TICKS = 16


class Meter:
    """A replacement for the terminal's file; Textual writes to it in its own thread."""

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._thinner = AnsiDiff()
        self._lock = threading.Lock()
        self._writing, self._shut = threading.Lock(), False
        self._waited = 0.0
        self._seen: deque[tuple[float, float]] = deque()
        self.ticks = 1
        """Ticks of the clock between two frames."""

    def write(self, text: str) -> int:
        if self._shut:
            return len(text)
        thinned = self._thinner.thin(text)
        began = self._clock()
        with self._writing:
            self._file.write(thinned)
        with self._lock:
            self._waited += self._clock() - began
        return len(text)

    def flush(self) -> None:
        began = self._clock()
        with self._writing:
            if not self._shut:
                self._file.flush()
        with self._lock:
            self._waited += self._clock() - began

    def shut(self) -> None:
        """Stop all further output; what is on its way gets a moment."""
        self._shut = True
        if self._writing.acquire(timeout=0.5):
            self._writing.release()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def forget(self) -> None:
        """Forget the terminal's state, because another program wrote to it."""
        self._thinner.forget()

    def tick(self) -> None:
        """Called at a fixed pace: measures the last seconds and sets the number of ticks per frame."""
        now = self._clock()
        with self._lock:
            self._seen.append((now, self._waited))
        while len(self._seen) > 2 and self._seen[0][0] < now - SPAN:
            self._seen.popleft()
        began, waited = self._seen[0]
        passed = now - began
        if passed < SPAN / 2:
            return
        waiting = (self._seen[-1][1] - waited) / passed
        if waiting > SLOW and self.ticks < MOST_TICKS:
            self.ticks *= 2
            self._seen.clear()
        elif waiting < CAUGHT_UP and self.ticks > 1:
            self.ticks //= 2
            self._seen.clear()


class Frames:
    """Chooses the ticks of the clock that draw a frame: all, or fewer where the link is too slow."""

    def __init__(self, meter: Meter | None) -> None:
        self._meter = meter
        self._ticks = 0

    def tick(self, say: Callable[[int], None]) -> bool:
        """True if this tick draws; `say` gets the ticks between two frames when they change."""
        if self._meter is None:
            return True
        before = self._meter.ticks
        self._meter.tick()
        if self._meter.ticks != before:
            say(self._meter.ticks)
        self._ticks += 1
        return self._ticks % self._meter.ticks == 0
