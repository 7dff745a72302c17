"""Folds the events of a run into what is true now: the same for a screen, a figure and a resuming worker."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from dltui.core.events import AttemptStarted, Event, RunEnded, from_json

MOST_LOGS = 2_000


@dataclass
class EpochRecord:
    """One epoch, counted from 1. `train` and `validation` are metrics by name, empty until they are known; `seconds`
    is training time, `time` unix seconds when it ended."""

    epoch: int
    step: int
    train: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    lr: float = math.nan
    seconds: float = 0.0
    evaluation_seconds: float | None = None
    samples_per_second: float = 0.0
    time: float = 0.0


class Points:
    """The curve inside epochs, as columns of equal length; unknown values are NaN."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.loss = array("d")
        self.loss_min = array("d")
        self.loss_max = array("d")
        self.lr = array("d")
        self.time = array("d")
        self.metrics: dict[str, array[float]] = {}

    def __len__(self) -> int:
        return len(self.steps)

    def extend(self, record: dict[str, Any]) -> None:
        """Take the columns of one `trained` event; raises nothing on columns that do not fit, they are dropped."""
        steps = record.get("steps") or []
        columns = {name: record.get(name) for name in ("loss", "loss_min", "loss_max", "lr")}
        if not all(isinstance(column, list) and len(column) == len(steps) for column in columns.values()):
            return
        before = len(self.steps)
        self.steps.extend(steps)
        for name, column in columns.items():
            getattr(self, name).extend(_numbers(column or []))
        self.time.extend([float(record.get("time", 0.0))] * len(steps))
        for name, column in (record.get("metrics") or {}).items():
            mine = self.metrics.setdefault(name, array("d", [math.nan] * before))
            mine.extend(_numbers(column))
        for mine in self.metrics.values():
            mine.extend([math.nan] * (len(self.steps) - len(mine)))

    def cut(self, step: int) -> None:
        """Drop what came after global step `step`."""
        keep = bisect_right(self.steps, step)
        del self.steps[keep:]
        for column in (self.loss, self.loss_min, self.loss_max, self.lr, self.time, *self.metrics.values()):
            del column[keep:]


def _numbers(column: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in column] if None in column else column  # type: ignore[return-value]


class History:
    """What a log says. Records that do not fit are skipped; `attempts` counts attempts, `logged` log lines."""

    def __init__(self) -> None:
        self.attempt: AttemptStarted | None = None
        self.attempts = 0
        self.last_attempt = 0
        self.points = Points()
        self.epochs: dict[int, EpochRecord] = {}
        self.test: dict[str, Any] | None = None
        self.checkpoints: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.logs: deque[tuple[float, str, str]] = deque(maxlen=MOST_LOGS)
        self.logged = 0
        self.ended: RunEnded | None = None
        self.ended_at = 0.0
        self.lr_changes: list[tuple[int, float]] = []
        self.samples_per_second = 0.0
        self.train_seconds = 0.0
        self.elapsed = 0.0
        self.last_time = 0.0
        self.first_time = 0.0
        self.last_step = 0
        self._before = 0.0

    def feed(self, records: list[dict[str, Any]]) -> None:
        """Take records in the order of the log."""
        for record in records:
            kind = record.get("type")
            self._clock(record)
            if kind == "trained":
                self._trained(record)
                continue
            event = from_json(record)
            handler = getattr(self, f"_{kind}", None) if event else None
            if handler:
                handler(event, record)

    @property
    def monitor(self) -> dict[str, str] | None:
        return self.attempt.monitor if self.attempt else None

    @property
    def best(self) -> EpochRecord | None:
        """The epoch that is best on the monitor, the earlier of equals."""
        if self.monitor is None:
            return None
        metric, sign = self.monitor["metric"], -1.0 if self.monitor["mode"] == "max" else 1.0
        known = [record for record in self.epochs.values() if metric in record.validation]
        return min(known, key=lambda record: (sign * record.validation[metric], record.epoch), default=None)

    def _clock(self, record: dict[str, Any]) -> None:
        """Seconds spent are those of each attempt's own monotonic clock: a clock that jumps changes nothing."""
        self.last_time = float(record.get("time", self.last_time))
        self.first_time = self.first_time or self.last_time
        attempt = int(record.get("attempt", 0))
        if attempt != self.last_attempt:
            self._before = self.elapsed
            self.last_attempt = attempt
        self.elapsed = self._before + float(record.get("elapsed", 0.0))

    def _attempt_started(self, event: AttemptStarted, record: dict[str, Any]) -> None:
        """A later attempt supersedes what came after the step from which it goes on."""
        self.attempt = event
        self.attempts += 1
        self.ended, self.test = None, None
        self.points.cut(event.start_step)
        self.epochs = {number: entry for number, entry in self.epochs.items() if entry.step <= event.start_step}
        self.checkpoints = [entry for entry in self.checkpoints if entry["step"] <= event.start_step]
        self.last_step = event.start_step
        self.train_seconds = sum(entry.seconds for entry in self.epochs.values())

    def _trained(self, record: dict[str, Any]) -> None:
        self.points.extend(record)
        self.samples_per_second = float(record.get("samples_per_second") or 0.0)
        self.train_seconds += float(record.get("seconds") or 0.0)
        if self.points.steps:
            self.last_step = max(self.last_step, self.points.steps[-1])

    def _epoch_ended(self, event: Any, record: dict[str, Any]) -> None:
        entry = self.epochs.setdefault(event.epoch, EpochRecord(event.epoch, event.step))
        entry.step, entry.train, entry.lr = event.step, _metrics(event.train), _number(event.lr)
        entry.seconds, entry.samples_per_second = event.seconds, event.samples_per_second
        entry.time = self.last_time

    def _evaluated(self, event: Any, record: dict[str, Any]) -> None:
        if event.split == "test":
            self.test = {**record, "metrics": _metrics(event.metrics)}
        elif event.split == "validation":
            entry = self.epochs.setdefault(event.epoch, EpochRecord(event.epoch, event.step))
            entry.validation, entry.evaluation_seconds = _metrics(event.metrics), event.seconds
            entry.time = self.last_time

    def _checkpoint_saved(self, event: Event, record: dict[str, Any]) -> None:
        self.checkpoints.append(record)

    def _command_obeyed(self, event: Any, record: dict[str, Any]) -> None:
        self.commands.append(record)
        lr = event.arguments.get("lr") if event.action == "set" else None
        if isinstance(lr, (int, float)):
            self.lr_changes = [change for change in self.lr_changes if change[0] < event.step]
            self.lr_changes.append((event.step, float(lr)))

    def _log(self, event: Any, record: dict[str, Any]) -> None:
        self.logs.append((self.last_time, event.level, event.text))
        self.logged += 1

    def _run_ended(self, event: RunEnded, record: dict[str, Any]) -> None:
        self.ended, self.ended_at = event, self.last_time


def _metrics(values: Any) -> dict[str, float]:
    return {name: _number(value) for name, value in values.items()} if isinstance(values, dict) else {}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
