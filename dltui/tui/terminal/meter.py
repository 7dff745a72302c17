"""The way to the terminal: thins what is written, counts it, and notices when the link is too slow for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from dltui.tui.terminal.ansi_diff import Thinner

# Over so many seconds it is measured.
SPAN = 5.0
# A link that makes the screen wait for this part of the time is slow; for less than that, it has caught up.
SLOW, CAUGHT_UP = 0.2, 0.02
MOST_TICKS = 16


@dataclass(frozen=True)
class Cost:
    """Per second: bytes sent, share of a core, share of the time that writing had to wait; ticks of the clock between
    two frames."""

    bytes: float
    cpu: float
    waiting: float
    ticks: int


class Meter:
    """Stands in for the terminal's file; Textual writes to it in a thread of its own."""

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._thinner = Thinner()
        self._lock = threading.Lock()
        self._bytes, self._waited = 0, 0.0
        self._seen: deque[tuple[float, int, float, float]] = deque()
        self.ticks = 1

    def write(self, text: str) -> int:
        thinned = self._thinner.thin(text)
        began = self._clock()
        self._file.write(thinned)
        with self._lock:
            self._bytes += len(thinned) if thinned.isascii() else len(thinned.encode("utf-8", "replace"))
            self._waited += self._clock() - began
        return len(text)

    def flush(self) -> None:
        began = self._clock()
        self._file.flush()
        with self._lock:
            self._waited += self._clock() - began

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def forget(self) -> None:
        """Another program wrote to the terminal."""
        self._thinner.forget()

    def tick(self) -> None:
        """Called at a fixed pace: looks back over the last seconds and sets how many ticks a frame takes from here."""
        now = self._clock()
        with self._lock:
            self._seen.append((now, self._bytes, self._waited, time.process_time()))
        while len(self._seen) > 2 and self._seen[0][0] < now - SPAN:
            self._seen.popleft()
        found = self.cost()
        if found is None or now - self._seen[0][0] < SPAN / 2:
            return
        if found.waiting > SLOW and self.ticks < MOST_TICKS:
            self.ticks *= 2
            self._seen.clear()
        elif found.waiting < CAUGHT_UP and self.ticks > 1:
            self.ticks //= 2
            self._seen.clear()

    def cost(self) -> Cost | None:
        """Over the last seconds; None when it has only begun."""
        if len(self._seen) < 2:
            return None
        (before, sent, waited, cpu), (now, sent_by_now, waited_by_now, cpu_by_now) = self._seen[0], self._seen[-1]
        passed = max(now - before, 1e-3)
        values = ((sent_by_now - sent) / passed, (cpu_by_now - cpu) / passed, (waited_by_now - waited) / passed)
        return Cost(*values, self.ticks)
