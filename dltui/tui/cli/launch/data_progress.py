"""Shows the progress of the preparation of the user's own data on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable

from dltui.tui.cli.output import tell, terminal_errors, visible, warn

EVERY_SECONDS = 5.0
"""Without a terminal: a line now and then, for a log."""


def teller() -> Callable[[str], None]:
    """A function that shows lines of progress: on a terminal each line overwrites the last, elsewhere few are
    written.
    """
    if terminal_errors():
        return _overwrite
    began = [time.monotonic()]

    def line(text: str) -> None:
        if text and time.monotonic() - began[0] >= EVERY_SECONDS:
            began[0] = time.monotonic()
            warn(text)

    return line


def _overwrite(text: str) -> None:
    # The cursor goes back to the beginning of the line, so that the next line overwrites it.
    tell(f"\r{visible(text):<60.60}\r")
