"""Training for a given time: how many steps fit into it, from the speed so far, so that the schedule ends with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract.types import Array

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhd]?)\s*")
FIRST = 0.02
"""Share of the time after which the first estimate is made: the start, with its compilation, is slower."""
STEP = 0.1
"""Share of the time after which an estimate is made again; near the end sooner."""


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
        raise UsageError(f"{name} takes a duration such as 90s, 10m or 1h30m, not {clean_line(text, 50)}")
    return seconds


class TimeBudget:
    """Says how many steps a run will have. Times are seconds of training, over all attempts."""

    def __init__(self, seconds: float, done: float = 0.0, step: int = 0) -> None:
        self.seconds = seconds
        self._next = max(FIRST * seconds, done)
        self._before = (done, step)

    def total(self, seconds: float, step: int) -> int | None:
        """The steps that the run will have in all, when it is time for another estimate: by the speed since the one
        before."""
        if seconds < self._next or step <= self._before[1]:
            return None
        speed = (step - self._before[1]) / max(seconds - self._before[0], 1e-9)
        left = max(self.seconds - seconds, 0.0)
        self._next = seconds + min(STEP * self.seconds, max(left / 2, 0.01 * self.seconds))
        self._before = (seconds, step)
        return step + max(round(left * speed), 1)


def phases(steps: Array, fits: Sequence[tuple[int, int]]) -> Array:
    """The progress of a run at each of its steps, float64 from 0 to 1. `fits` are (step, total): from that step on the
    run was known to end at `total`. The phase goes on from where it was, so that no estimate makes the schedule jump.
    """
    import numpy as np

    result = np.zeros(len(steps), dtype=np.float64)
    first, total, begun = 0, fits[0][1] if fits else 1, 0.0
    for at, until in fits:
        begun += (1 - begun) * (at - first) / max(total - first, 1)
        first, total = at, until
        later = steps >= at
        result[later] = begun + (1 - begun) * (steps[later] - at) / max(until - at, 1)
    return np.clip(result, 0.0, 1.0)
