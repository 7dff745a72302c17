"""A command that has not been acknowledged yet: `sent, waiting for gpu02 4 s`."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core import numbers
from dltui.core.text import clean_line
from dltui.tui.cli.output import tell, terminal_errors, visible, warn

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

AT_ONCE = 1.0
"""The time in seconds before a wait is shown: most commands are acknowledged earlier."""
AGAIN = 5.0
"""The time in seconds between lines about the wait in plain output."""


@dataclass
class Waiting:
    """A pending command by its id, and its start on the monotonic clock."""

    id: str
    action: str
    since: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        return time.monotonic() - self.since


def text(reader: RunReader, seconds: float) -> str:
    """The host that a command waits for, for how long, and the run's phase."""
    status = reader.status()
    doing = status.why if status.name == "silent" else status.phase or status.name
    return clean_line(f"sent, waiting for {host(reader)} {numbers.duration(seconds)}: {doing}")


def host(reader: RunReader) -> str:
    """The host of the worker."""
    live, attempt = reader.live(), reader.history.attempt
    return live.host if live else attempt.host if attempt else "the worker"


def lines(reader: RunReader, waiting: Waiting) -> list[str]:
    """The line about a pending command; empty once the command is acknowledged, and at first."""
    if waiting.seconds() < AT_ONCE or any(entry["id"] == waiting.id for entry in reader.history.commands):
        return []
    return [f"{waiting.action}: {text(reader, waiting.seconds())}"]


class Ticker:
    """Shows the wait on standard error: in a line that counts on a terminal, else in a new line now and then."""

    def __init__(self) -> None:
        self._in_place = terminal_errors()
        self._next = AT_ONCE if self._in_place else AGAIN
        self._shown = False

    def tell(self, reader: RunReader, seconds: float) -> None:
        if seconds < self._next:
            return
        self._next = seconds + (1.0 if self._in_place else AGAIN)
        line = text(reader, seconds)
        if not self._in_place:
            warn(line)
            return
        tell("\r\x1b[K" + visible(line)[: _columns() - 1])
        self._shown = True

    def close(self) -> None:
        """End an unfinished line."""
        if self._shown:
            tell("\r\x1b[K")
            self._shown = False


def _columns() -> int:
    """The columns of the terminal that standard error is."""
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns, 2)
    except OSError:
        # It has gone.
        return 80
