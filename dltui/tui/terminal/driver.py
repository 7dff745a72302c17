"""The terminal driver. Textual's own reader of keys polls ten times a second whether it is to end; this reader sleeps
until a key comes, so that an idle screen takes less from training.
"""

from __future__ import annotations

import os
import re
import select
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import Any

from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver

from dltui.tui.terminal.capabilities import is_poor
from dltui.tui.terminal.leaving import has_shell
from dltui.tui.terminal.typed import Runs, Typed

MOST_BYTES = 4096
CLICKS = "\x1b[?1000h\x1b[?1006h"
"""Presses of buttons and turns of the wheel, with places beyond column 223."""
IN_CELLS = "\x1b[?1016l"
"""Places are those of cells, not of pixels."""
UNKNOWN = re.compile(r"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$[a-zA-Z]|\x1b[\]P][^\x07\x1b]*(?:\x07|\x1b\\)")
"""What a poor terminal does not understand: the protocol of keys, questions about modes, and strings."""
CLEAR = "\x1b[0m\x1b[H\x1b[J"
# How often it looks, just after a key, whether an escape was a key of its own or begins a longer sequence.
POLL = 0.1


class QuietDriver(LinuxDriver):
    """A driver that waits for keys without polling."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._woken, self._waker = os.pipe()
        self._poor = is_poor(os.environ)
        self.painted: Callable[[str], str] = str
        """What is written for the output of the pages, which may have letters that stand for images."""

    def write(self, data: str) -> None:
        super().write(UNKNOWN.sub("", data) if self._poor else self.painted(data))

    def stop_application_mode(self) -> None:
        if self._poor:
            # The lines after the end would stand in the last frame: there is no other screen to go back to.
            self.write(CLEAR)
        super().stop_application_mode()

    def _enable_mouse_support(self) -> None:
        """Ask for clicks and the wheel, and not, as Textual does, for every movement."""
        if self._mouse:
            self.write(CLICKS)
            self.flush()

    def _disable_mouse_support(self) -> None:
        if self._mouse_pixels:
            self.write(IN_CELLS)
            self._mouse_pixels = False
        super()._disable_mouse_support()

    def _sigtstp_application(self, *given: Any) -> None:
        """Suspend the process, unless nobody could let it go on: the kernel ignores this signal then, too."""
        if has_shell():
            super()._sigtstp_application(*given)

    def answer_clicks(self, wanted: bool) -> None:
        """Turn the mouse on or off while the screen is shown."""
        if wanted and not self._mouse:
            self._mouse = True
            self._enable_mouse_support()
            if self._in_band_window_resize:
                # The reader of keys takes places for pixels since the terminal has told the size of its own.
                self._enable_mouse_pixels()
        elif self._mouse and not wanted:
            self._disable_mouse_support()
            self._mouse = False

    def disable_input(self) -> None:
        if self.exit_event.is_set():
            return
        os.write(self._waker, b"x")
        super().disable_input()
        os.read(self._woken, 1)

    def run_input_thread(self) -> None:
        """Read keys until input is disabled or the terminal is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        runs, watched = Runs(), 0.0
        while True:
            wait = POLL if time.monotonic() < watched else None
            ready, _, _ = select.select([self.fileno, self._woken], [], [], wait)
            if self._woken in ready:
                return
            if ready:
                data = self._read()
                if not data:
                    return
                text = decode(data)
                # An empty one, as of half a letter, would tell the parser that this is the end.
                for part, at_once in runs.split(text) if text else ():
                    for event in [Typed(part)] if at_once else parser.feed(part):
                        self.process_message(event)
                watched = time.monotonic() + ESCAPE_DELAY + POLL
            for event in parser.tick():
                self.process_message(event)

    def _read(self) -> bytes:
        """Read input; empty when the terminal is gone."""
        try:
            return os.read(self.fileno, MOST_BYTES)
        except OSError:
            return b""
