"""Ends the process of a worker that is done, also where something that a plugin began would keep it for ever: a thread,
a process of its own, or a function that is called at the exit.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import NoReturn

SECONDS = 10.0
"""The time for the end of Python and of the frameworks, which takes some seconds where the machine is busy."""


def leave(code: int, seconds: float = SECONDS) -> NoReturn:
    """Exit with this code, after these seconds at the latest. All of the run must be on disk."""
    # A daemon, which Python does not wait for: it is gone as soon as nothing else keeps the process.
    threading.Thread(target=_end, args=(code, seconds), name="the end of the worker", daemon=True).start()
    sys.exit(code)


def _end(code: int, seconds: float) -> None:
    time.sleep(seconds)
    with contextlib.suppress(Exception):
        os.write(2, b"dltui: something of the plugin is still running; the process was ended\n")
    with contextlib.suppress(Exception):
        _end_children()
    os._exit(code)


def _end_children() -> None:
    """Kill the processes that a plugin has started; those of the worker itself have ended by now."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
