"""Reads single key presses from a terminal, and restores the terminal afterwards."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from types import TracebackType
from typing import Any

ESCAPE = "\x1b"


class Keys:
    """A context in which single keys arrive without echo; Ctrl-C and Ctrl-Z keep their meaning."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._saved: list[Any] | None = None

    def __enter__(self) -> Keys:
        self._saved = termios.tcgetattr(self._fd)
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saved is not None:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)

    def take(self) -> None:
        """Set the terminal up, also after a stop with Ctrl-Z, when the shell has restored its own settings."""
        tty.setcbreak(self._fd, termios.TCSADRAIN)

    def wait(self, seconds: float) -> str:
        """The next key, or "" after `seconds`. An escape sequence (an arrow key) counts as no key."""
        end = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self._fd], [], [], max(end - time.monotonic(), 0))
            if not ready:
                return ""
            data = os.read(self._fd, 64).decode("utf-8", "replace")
            if not data:
                time.sleep(max(end - time.monotonic(), 0))
                return ""
            if data == ESCAPE or not data.startswith(ESCAPE):
                return data[0]
