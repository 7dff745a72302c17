"""Many letters at once: a paste by a terminal without bracketed paste arrives as keys, thousands of them. Taken one by
one they would keep the screen busy for minutes, and where nothing is being typed each would be a command."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from textual.events import Event

LEAST = 16
"""The fewest letters between two looks at the terminal that cannot be typed by hand."""
HELD = 200
"""The most letters of one key that is held down while the link is stuck for some seconds."""
_LETTERS = re.compile(f"[^\x00-\x1f\x7f-\x9f]{{{LEAST},}}")
_REST = re.compile("([^\x00-\x1f\x7f-\x9f]+)")
_BEGIN, _END = "\x1b[200~", "\x1b[201~"
_PAUSE = 0.3
"""Seconds after an escape in which letters may be the end of what it began."""
_GOES_ON = 0.1
"""Seconds after a run of letters in which more of them, however few, are its rest."""


class Typed(Event, bubble=False):
    """Letters that came at once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Runs:
    """Finds runs of letters in what a terminal sends, outside of escape sequences and bracketed pastes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pasting = False
        self._escaped = self._ran = -10.0
        self._tail = ""

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """The parts of a text in their order, with whether each is such a run."""
        now, seen = self._clock(), self._tail + text
        begin, end = seen.rfind(_BEGIN), seen.rfind(_END)
        if begin >= 0 or end >= 0:
            self._pasting = begin > end
        self._tail = seen[1 - len(_BEGIN) :]
        if "\x1b" in text:
            self._escaped = now
        if self._pasting or now - self._escaped < _PAUSE:
            yield text, False
            return
        first = None if now - self._ran < _GOES_ON else _run(text)
        if first is None and now - self._ran >= _GOES_ON:
            yield text, False
            return
        begin = first.start() if first else 0
        if begin:
            yield text[:begin], False
        self._ran = now
        for place, part in enumerate(_REST.split(text[begin:])):
            if part:
                yield part, place % 2 == 1


def _run(text: str) -> re.Match[str] | None:
    """The first run of letters that no hand types; a key that is held down is no such run."""
    runs = (found for found in _LETTERS.finditer(text) if len(set(found[0])) > 1 or len(found[0]) > HELD)
    return next(runs, None)
