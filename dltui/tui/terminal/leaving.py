"""Ends the screen without a key: on a signal, and when the terminal is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

LEAVING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def on_signals(leave: Callable[[int], None]) -> None:
    """Call `leave` with an exit code when a signal ends the screen; no effect where the loop supports no signals."""
    loop = asyncio.get_running_loop()
    for number in LEAVING:
        try:
            loop.add_signal_handler(number, leave, 128 + number)
        except (ValueError, NotImplementedError, RuntimeError):
            return


class TerminalWatch:
    """Ends the process when its terminal has vanished without a signal, as under a shell that ignores SIGHUP."""

    def __init__(self) -> None:
        self._was_there = os.isatty(0)

    def tick(self) -> None:
        if self._was_there and not os.isatty(0):
            # Nothing is left to restore.
            os._exit(128 + signal.SIGHUP)
