"""Training for a given time: how many steps fit into it, from the speed so far, so that the schedule ends with it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.text import clean_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dltui.core.contract.types import Array

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhd]?)\s*")
FIRST = 0.02
"""Share of the time, from the end of an attempt's first chunk on, after which its first estimate is made."""
STEP = 0.1
"""Share of the time after which an estimate is made again; near the end sooner."""
SPARE = 0.02
"""Share of the time that may be left at the end of a run."""


def parse(text: str, name: str = "max_time") -> float:
    """Seconds of "90s", "10m", "1h30m" or plain "90". Raises UsageError that begins with the `name`."""
    rest, seconds = text.strip().lower(), 0.0
    while rest:
        found = _PART.match(rest)
        if found is None:
            seconds = 0.0
            break
        seconds += float(found[1]) * _UNITS[found[2]]
        rest = rest[found.end() :]
    if not 0 < seconds <= 366 * 86_400:
        raise _no_duration(text, name)
    return seconds


def check_clear(text: str) -> None:
    """Raise UsageError for a time that is not clear, which runs may have all the same: in "1h30" the 30 may be minutes
    or seconds.
    """
    parts = _PART.findall(text.strip().lower())
    if len(parts) > 1 and not all(unit for _, unit in parts):
        raise _no_duration(text, "max_time")


def _no_duration(text: str, name: str) -> UsageError:
    return UsageError(f"{name} takes a duration such as 90s, 10m or 1h30m, not {clean_line(text, 50)}")


class TimeBudget:
    """Says how many steps a run will have. Times are seconds of training, over all attempts."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._before: tuple[float, int] | None = None
        self._next = (0.0, math.inf)

    def total(self, seconds: float, step: int, planned: int) -> int | None:
        """The steps that the run will have in all, when it is time for another estimate: by the speed since the one
        before. `planned` is what it is to have so far; a run that comes to its end with time left goes on.
        """
        left = max(self.seconds - seconds, 0.0)
        early = step >= planned and left > SPARE * self.seconds
        if self._before is None:
            # The first chunk of an attempt compiles and fills caches: its speed says nothing about the others.
            self._before, self._next = (seconds, step), (seconds + FIRST * self.seconds, math.inf)
            return step + 1 if early or not left else None
        passed = step - self._before[1]
        due = step < planned and (seconds >= self._next[0] or step >= self._next[1])
        if not passed or not (due or early):
            return None
        speed = passed / max(seconds - self._before[0], 1e-9)
        pause = min(STEP * self.seconds, max(left / 2, 0.01 * self.seconds))
        # Twice as many steps as were expected until then: it is much faster than it was, and the schedule must wait.
        self._before, self._next = (seconds, step), (seconds + pause, step + max(2 * pause * speed, 2))
        steps = round(left * speed)
        return None if early and not steps else step + max(steps, 1)


def too_long(warmup: float, unfreeze_at: int, epochs: int) -> Iterator[str]:
    """What a run that trains for a time does not come to in the `epochs` that fit into it, a line each."""
    fits = f"about {plural(epochs, 'epoch')} fit into max_time"
    if warmup >= epochs:
        yield f"{fits}, and warmup takes {warmup:g}: the learning rate does not come to its value"
    if unfreeze_at > epochs:
        yield f"{fits}, and unfreeze_at is {unfreeze_at}: the layers of freeze stay as they are"


def phases(steps: Array, fits: Sequence[tuple[int, int]], begun: float = 0.0) -> Array:
    """The progress of a run at each of its steps, float64 from 0 to 1. `fits` are (step, total): from that step on the
    run was known to end at `total`. The phase goes on from where it was, so that no estimate makes the schedule jump;
    at the first of them it is `begun`.
    """
    import numpy as np

    result = np.full(len(steps), begun, dtype=np.float64)
    first, total = fits[0] if fits else (0, 1)
    for at, until in fits:
        begun += (1 - begun) * (at - first) / max(total - first, 1)
        first, total = at, until
        later = steps >= at
        result[later] = begun + (1 - begun) * (steps[later] - at) / max(until - at, 1)
    return np.clip(result, 0.0, 1.0)
