"""A run as it was: its history up to a step, as a reader would have seen it then."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.history import History


def as_of(history: History, step: float) -> History:
    """A history of its own with what was known when `step` was done: points, epochs with their evaluation, checkpoints,
    commands and log lines. The test result and the end are known from the last step on."""
    past = copy.copy(history)
    keep = bisect_right(history.points.steps, step)
    past.points = history.points.first(keep)
    past.epochs = {number: record for number, record in history.epochs.items() if record.step <= step}
    past.checkpoints = [record for record in history.checkpoints if record["step"] <= step]
    past.commands = [record for record in history.commands if record.get("step", 0) <= step]
    past.starts = [start for start in history.starts if start[0] <= step] or history.starts[:1]
    when = _time_of(past)
    past.logs = deque((line for line in history.logs if line[0] <= when), maxlen=history.logs.maxlen)
    past.last_time = when
    if step < history.step:
        past.forget_end()
    return past


def _time_of(past: History) -> float:
    """The latest moment that this history knows."""
    times = [record.time for record in past.epochs.values()]
    times += [past.points.time[-1]] if len(past.points) else []
    return max(times, default=past.starts[0][1] if past.starts else 0.0)
