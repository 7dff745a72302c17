"""Ends the screen without a key: on a signal, and when the terminal is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import termios
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from dltui.tui.terminal.capabilities import is_poor

if TYPE_CHECKING:
    from dltui.tui.terminal.meter import Meter

LEAVING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
PATIENCE = 3.0
"""Seconds that the screen gets to end by itself; after that the terminal is restored and the process ends at once."""
# Mouse, resize reports, bracketed paste, focus and the keyboard's protocol off; the main screen, the cursor, no color.
RESTORE = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2048l\x1b[?2004l\x1b[?1004l\x1b[<u"
    b"\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)
# That has no such protocol and no other screen: the frame is cleared.
RESTORE_POOR = b"\x1b[0m\x1b[H\x1b[J" + RESTORE.replace(b"\x1b[<u", b"")


class WaysOut:
    """Ends the screen when a signal asks for it, from before its first byte on and however busy it is, and leaves the
    terminal as it was. Used as a context around the whole life of the screen, in the main thread."""

    def __init__(self) -> None:
        self.meter: Meter | None = None
        """The way of everything that is drawn; it is shut before the terminal is restored."""
        self._leave: Callable[[int], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = threading.Event()
        self._asked = False
        self._before: dict[int, Any] = {}
        self._terminal = os.dup(2) if os.isatty(2) else -1
        self._attributes: list[Any] | None = None
        with contextlib.suppress(termios.error, OSError):
            self._attributes = termios.tcgetattr(0)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in LEAVING}
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._terminal >= 0:
            os.close(self._terminal)

    def begin(self, leave: Callable[[int], None]) -> None:
        """From here on a signal calls `leave` with an exit code, in the loop that runs now."""
        self._leave, self._loop = leave, asyncio.get_running_loop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        code = 128 + number
        if self._loop is None or self._leave is None or self._loop.is_closed():
            self.cut(code)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._leave, code)
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._wait, args=(code,), name="dltui-leaving", daemon=True).start()

    def _wait(self, code: int) -> None:
        if not self._over.wait(PATIENCE):
            self.cut(code)

    def cut(self, code: int) -> NoReturn:
        """End the process at once, with a clean terminal."""
        if self.meter is not None:
            self.meter.shut()
        if self._attributes is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(0, termios.TCSANOW, self._attributes)
        if self._terminal >= 0:
            with contextlib.suppress(OSError):
                os.write(self._terminal, RESTORE if not is_poor(os.environ) else RESTORE_POOR)
        os._exit(code)


def has_shell() -> bool:
    """True if a shell is there to which Ctrl-Z leads, and that can let this process go on: the parent of its process
    group is of the same session. A terminal that runs the program itself, ssh with a command and a container have none.
    """
    import psutil

    group = os.getpgrp()
    try:
        above = (process.pid for process in psutil.Process().parents() if os.getpgid(process.pid) != group)
        parent = next(above, None)
        return parent is not None and os.getsid(parent) == os.getsid(0)
    except (psutil.Error, OSError):
        return False


class TerminalWatch:
    """Ends the process when its terminal has vanished without a signal, as under a shell that ignores SIGHUP."""

    def __init__(self) -> None:
        self._was_there = os.isatty(0)

    def tick(self) -> None:
        if self._was_there and not os.isatty(0):
            # Nothing is left to restore.
            os._exit(128 + signal.SIGHUP)
