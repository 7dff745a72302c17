"""Waits until it is certain whether the worker of another machine lives, where only its heartbeat can tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status

_LOOK_SECONDS = 0.2


def certain_status(reader: RunReader, tell: Callable[[str], None] = lambda text: None) -> Status:
    """The status of a run that is about to be taken from its worker, or given up. A heartbeat that moves does so within
    two seconds; one that does not is waited for, `claim.REMOTE_SECONDS` at most, and `tell` gets the progress of that.
    """
    began = time.monotonic()
    while True:
        status, live = reader.look()
        if live is None or not reader.in_doubt:
            tell("")
            return status
        tell(f"waits for a heartbeat of {live.host}: {time.monotonic() - began:.0f} s")
        time.sleep(_LOOK_SECONDS)
        reader.refresh()
