"""Reads single key presses from a terminal, and restores the terminal afterwards."""

from __future__ import annotations

import contextlib
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
    """A context in which single keys arrive without echo; Ctrl-C and Ctrl-Z keep their meaning. While another job of
    the shell has the terminal, it is left alone: whoever touches it then is stopped.
    """

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._saved: list[Any] | None = None
        self._taken = False

    def __enter__(self) -> Keys:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saved is not None and self._in_front():
            # The terminal may be gone.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)

    def take(self) -> None:
        """Set the terminal up, also after a stop with Ctrl-Z, when the shell has restored its own settings."""
        self._taken = self._in_front()
        if self._taken:
            with contextlib.suppress(termios.error):
                # While another job has the terminal, as a shell that reads a line, its settings are those of that job.
                self._saved = self._saved or termios.tcgetattr(self._fd)
                tty.setcbreak(self._fd, termios.TCSADRAIN)

    def _in_front(self) -> bool:
        """True unless the terminal belongs to another job of the shell."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            # No terminal of this session, or none any more.
            return True

    def _read(self) -> str:
        try:
            return os.read(self._fd, 64).decode("utf-8", "replace")
        except OSError:
            return ""

    def wait(self, seconds: float) -> str:
        """The next key, or "" after `seconds`. An escape sequence (an arrow key) counts as no key."""
        end = time.monotonic() + seconds
        if not self._in_front():
            self._taken = False
            time.sleep(seconds)
            return ""
        if not self._taken:
            # Brought to the front again, of which a shell need not tell.
            self.take()
        while True:
            ready, _, _ = select.select([self._fd], [], [], max(end - time.monotonic(), 0))
            if not ready:
                return ""
            data = self._read()
            if not data:
                time.sleep(max(end - time.monotonic(), 0))
                return ""
            if data == ESCAPE or not data.startswith(ESCAPE):
                return data[0]
