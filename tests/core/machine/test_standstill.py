"""A process that is stopped from outside does nothing in that time; one whose threads wait for a library does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dltui.core.machine import standstill
from dltui.core.machine.standstill import LEAST_SECONDS, Standstill


class Clocks:
    """The clock of the machine and that of the main thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.computed = 0.0
        monkeypatch.setattr(standstill.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(standstill, "_clock_of_main_thread", lambda: lambda: self.computed)

    def waits(self, seconds: float, computing: float = 0.0, see: Callable[[], None] = lambda: None) -> threading.Event:
        """An event whose wait takes so long."""
        event = threading.Event()

        def wait(timeout: float | None = None) -> bool:
            self.now, self.computed = self.now + seconds, self.computed + computing
            see()
            return False

        event.wait = wait  # type: ignore[method-assign]
        return event


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_what_a_wait_takes_too_long_is_a_standstill(clocks: Clocks) -> None:
    found, seen = Standstill(), []
    found.wait(clocks.waits(1.0), 1.0)
    assert found.seconds == 0.0
    # The main thread may ask before the one that waits has woken.
    found.wait(clocks.waits(61.0, 0.1, lambda: seen.append(found.seconds)), 1.0)
    assert found.seconds == pytest.approx(60 - 0.1 - LEAST_SECONDS)
    assert seen == [found.seconds]
    found.wait(clocks.waits(0.2), 1.0)
    found.wait(clocks.waits(31.0), 1.0)
    assert found.seconds == pytest.approx(90 - 0.1 - 2 * LEAST_SECONDS)


def test_a_library_that_lets_no_thread_run_computes(clocks: Clocks) -> None:
    found = Standstill()
    found.wait(clocks.waits(61.0, 60.0), 1.0)
    assert found.seconds == 0.0


def test_the_main_thread_has_a_clock_of_its_own() -> None:
    clock = standstill._clock_of_main_thread()
    before = clock()
    sum(range(300_000))
    assert clock() > before
