"""Keys arrive, and between them nobody is woken up."""

from __future__ import annotations

import asyncio
import os
import queue
import select
import signal
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key

from dltui.tui.terminal import driver
from dltui.tui.terminal.driver import CLICKS, QuietDriver


class Reading:
    """The driver's thread on a pipe instead of a terminal."""

    def __init__(self) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.source, self.keyboard = os.pipe()

        async def make() -> QuietDriver:
            return QuietDriver(SimpleNamespace())

        self.driver = asyncio.run(make())
        self.driver.fileno = self.source
        self.driver.process_message = self.events.put  # type: ignore[method-assign]
        self.driver.write = lambda data: None  # type: ignore[method-assign]
        self.thread = self.driver._key_thread = threading.Thread(target=self.driver.run_input_thread, daemon=True)
        self.thread.start()

    def type(self, data: bytes) -> None:
        os.write(self.keyboard, data)

    def keys(self, count: int) -> list[str]:
        found = [self.events.get(timeout=10) for _ in range(count)]
        assert all(isinstance(event, Key) for event in found)
        return [event.character or event.key for event in found]

    def hang_up(self) -> None:
        os.close(self.keyboard)
        self.keyboard = -1


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """How long each look at the terminal was to last at most."""
    asked: list[float | None] = []

    def counted(*given: Any) -> Any:
        asked.append(given[3])
        return select.select(*given)

    monkeypatch.setattr(driver, "select", SimpleNamespace(select=counted))
    return asked


@pytest.fixture
def reading(waits: list[float | None]) -> Iterator[Reading]:
    made = Reading()
    yield made
    if made.keyboard >= 0:
        made.hang_up()
    made.thread.join(10)
    os.close(made.source)


def test_keys_arrive_whole(reading: Reading, waits: list[float | None]) -> None:
    reading.type(b"ab")
    assert reading.keys(2) == ["a", "b"]
    looks = len(waits)
    reading.type("é".encode()[:1])
    end = time.monotonic() + 10
    while len(waits) == looks:
        assert time.monotonic() < end
        time.sleep(0.01)
    reading.type("é".encode()[1:] + b"\x1b[A")
    assert reading.keys(2) == ["é", "up"]


def test_an_escape_is_a_key_when_nothing_follows(reading: Reading) -> None:
    reading.type(b"\x1b")
    assert reading.events.get(timeout=10).key == "escape"


def test_bytes_that_are_no_letters_end_nothing(reading: Reading) -> None:
    reading.type(b"\xff")
    reading.type(b"x")
    assert reading.keys(2)[-1] == "x"


def test_between_keys_it_sleeps_without_a_limit(reading: Reading, waits: list[float | None]) -> None:
    reading.type(b"a")
    reading.keys(1)
    end = time.monotonic() + 10
    while waits[-1] is not None or len(waits) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    looks = len(waits)
    time.sleep(0.5)
    assert len(waits) == looks


def test_disabling_input_ends_it_and_it_can_begin_again(reading: Reading) -> None:
    late = threading.Timer(10, reading.hang_up)
    late.start()
    reading.driver.disable_input()
    late.cancel()
    assert reading.keyboard >= 0, "it ended only when the terminal went away"
    again = threading.Thread(target=reading.driver.run_input_thread, daemon=True)
    again.start()
    reading.type(b"z")
    assert reading.keys(1) == ["z"]
    reading.hang_up()
    again.join(10)
    assert not again.is_alive()


def test_a_terminal_that_is_gone_ends_it(reading: Reading) -> None:
    reading.hang_up()
    reading.thread.join(10)
    assert not reading.thread.is_alive()


def written(monkeypatch: pytest.MonkeyPatch) -> tuple[QuietDriver, list[str]]:
    """A driver, and what it writes."""
    said: list[str] = []

    async def make() -> QuietDriver:
        return QuietDriver(SimpleNamespace(), mouse=False)

    made = asyncio.run(make())
    monkeypatch.setattr(made, "write", said.append)
    return made, said


def test_a_mouse_that_is_turned_on_tells_places_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pixels where the terminal reports its size in band: from there on the reader divides by those of a cell."""
    made, said = written(monkeypatch)
    made.answer_clicks(True)
    assert "".join(said) == CLICKS
    made.answer_clicks(False)
    made._in_band_window_resize = True
    said.clear()
    made.answer_clicks(True)
    assert "".join(said) == CLICKS + "\x1b[?1016h"
    said.clear()
    made.answer_clicks(False)
    assert "".join(said).startswith("\x1b[?1016l\x1b[?1000l")


@pytest.mark.parametrize("shell", [True, False])
def test_it_stops_only_where_a_shell_can_let_it_go_on(monkeypatch: pytest.MonkeyPatch, shell: bool) -> None:
    made, _ = written(monkeypatch)
    stopped: list[int] = []
    monkeypatch.setattr(LinuxDriver, "_sigtstp_application", lambda self, *given: stopped.append(given[0]))
    monkeypatch.setattr(driver, "has_shell", lambda: shell)
    made._sigtstp_application(signal.SIGTSTP, None)
    assert stopped == [signal.SIGTSTP] * shell
