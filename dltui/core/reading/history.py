"""Folds a run's events into its current state: curves, epochs, the test result, how it ended. Uses no clock."""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from dltui.core.numbers import finite
from dltui.core.reading.points import Points, column
from dltui.core.rundir.content.event import checked, sound
from dltui.core.rundir.events import AttemptStarted, RunEnded
from dltui.core.tasks.monitor import LOSS
from dltui.core.text import safe

Record = dict[str, Any]


_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


def _metrics(values: dict[str, float | None]) -> dict[str, float]:
    return {safe(name): math.nan if value is None else float(value) for name, value in values.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


class History:
    """A run's state, folded from its events. A later attempt's start supersedes events after its start step.

    With `most_points` the training curve is kept in about that many points at most, however long the run.
    """

    def __init__(self, most_points: int | None = None) -> None:
        self.most_points = most_points
        self.points = Points()
        self.epochs: dict[int, EpochRecord] = {}
        self.metric_names: dict[str, None] = {}
        """Every metric of an epoch, of either split, in the order of their first appearance."""
        self.attempt: AttemptStarted | None = None
        self.attempts = 0
        """The number of attempts that began to train."""
        self.attempts_started = 0
        """The highest attempt number that any event carries."""
        self.test: Record | None = None
        self.checkpoints: list[Record] = []
        self.commands: list[Record] = []
        self.logs: deque[tuple[float, str, str]] = deque(maxlen=2000)
        self.logged = 0
        """The total number of log lines."""
        self.ended: RunEnded | None = None
        self.ended_attempt, self.ended_at = 0, 0.0
        self.concluded: RunEnded | None = None
        """The last end with results, finished or stopped. A later attempt leaves it."""
        self.started_at = 0.0
        """The unix time when the latest attempt began to train."""
        self.starts: list[tuple[int, float]] = []
        """(step, unix seconds) at which each attempt began of which anything still counts."""
        self.first_epoch = 0
        """The epochs done before all that the log tells of: a fork with another batch size, other data or another
        monitor goes on from its parent's epoch, with a log of its own."""
        self.last_time = 0.0
        self.samples_per_second: float | None = None
        self.damaged = 0
        """Lines of the log that could not be read: what they said is missing."""
        self.unknown = 0
        """The number of unreadable events since the last checkpoint: their numbers are missing."""
        self._seq = 0
        self.happened = 0
        """Events other than those of trained steps."""
        self.data_seconds = 0.0
        """Time for getting batches, in the `told_seconds` of training for which that is known."""
        self.told_seconds = 0.0
        self._ready: dict[int, float] = {}
        self._chunk_steps, self._chunk_seconds = column(), column()
        self._elapsed: dict[int, float] = {}
        self._best: _Decided | None = None
        """None where it is to be found anew."""

    def fold(self, records: Iterable[Record]) -> None:
        """Take events in the order of the log. Types that this version does not know are skipped, and
        so are events that lack a field or carry a wrong type."""
        for record in records:
            try:
                self._envelope(record)
                self.happened += record["type"] != "trained"
                fold = _FOLDS.get(record["type"])
                if fold is not None:
                    fold(self, record)
            except _MALFORMED:
                continue

    def _envelope(self, record: Record) -> None:
        attempt = record["attempt"]
        self.attempts_started = max(self.attempts_started, attempt)
        seq = record.get("seq")
        if isinstance(seq, int):
            self.unknown += max(seq - self._seq - 1, 0)
            self._seq = seq
        self.last_time = float(record["time"])
        self._elapsed[attempt] = max(self._elapsed.get(attempt, 0.0), finite(record.get("elapsed", 0.0)))

    def _started(self, record: Record) -> None:
        event = checked(record)
        if not isinstance(event, AttemptStarted):
            raise ValueError("not an attempt")
        start, epoch = int(event.start_step), int(event.start_epoch)
        self.attempt = sound(event)
        self.attempts += 1
        self.started_at = float(record["time"])
        self.starts = [*(kept for kept in self.starts if kept[0] < start), (start, self.started_at)]
        if len(self.starts) == 1:
            self.first_epoch = epoch
        self._ready[record["attempt"]] = finite(record.get("elapsed", 0.0))
        self.ended = self.test = self.samples_per_second = None
        self.points.cut(start)
        if not len(self.points):
            self.points.before = start
        self.epochs = {number: kept for number, kept in self.epochs.items() if number <= epoch and kept.step <= start}
        self.checkpoints = [kept for kept in self.checkpoints if kept["step"] <= start]
        keep = bisect_right(self._chunk_steps, start)
        del self._chunk_steps[keep:], self._chunk_seconds[keep:]
        self._best = None

    def _trained(self, record: Record) -> None:
        data = _number(record.get("data_seconds"))
        self.points.add(record)
        if self.most_points is not None and len(self.points) > self.most_points:
            self.points.compact(self.most_points)
        if record["steps"]:
            self._chunk_steps.append(record["steps"][-1])
            self._chunk_seconds.append(_number(record["seconds"]))
        if math.isfinite(data):
            self.data_seconds += data
            self.told_seconds += _number(record["seconds"])
        self.samples_per_second = _number(record["samples_per_second"])

    def _epoch_ended(self, record: Record) -> None:
        number = int(record["epoch"])
        train = _metrics(record["train"])
        self.metric_names.update(dict.fromkeys(train))
        self.epochs[number] = EpochRecord(
            epoch=number,
            step=int(record["step"]),
            train=train,
            validation={},
            lr=_number(record["lr"]),
            seconds=_number(record["seconds"]),
            evaluation_seconds=None,
            samples_per_second=_number(record["samples_per_second"]),
            time=float(record["time"]),
        )
        self._best = None

    def _evaluated(self, record: Record) -> None:
        metrics, seconds = _metrics(record["metrics"]), _number(record["seconds"])
        more = _metrics(record.get("more") or {})
        if record["split"] == "test":
            self.test = {**record, "metrics": metrics, "more": more}
        if record["split"] != "validation":
            return
        self.metric_names.update(dict.fromkeys(metrics))
        number = int(record["epoch"])
        known = self.epochs.get(number)
        if known is None:
            # Its line in the log is damaged.
            nan = math.nan
            known = EpochRecord(number, int(record["step"]), {}, {}, nan, 0.0, None, nan, float(record["time"]))
        best = record.get("best") is True
        self.epochs[number] = replace(known, validation=metrics, evaluation_seconds=seconds, more=more, best=best)
        self._best = None

    def _commanded(self, record: Record) -> None:
        self.commands.append(record)
        if self.attempt is not None and self.fits and record.get("action") == "fit":
            total = self.fits[-1][1]
            epochs = -(-total // max(self.attempt.steps_per_epoch, 1))
            self.attempt = replace(self.attempt, total_steps=total, epochs=epochs)

    def _saved(self, record: Record) -> None:
        int(record["step"]), str(record["name"])
        self.checkpoints.append(record)
        # It has all that steers the run.
        self.unknown = 0

    def _logged(self, record: Record) -> None:
        self.logs.append((float(record["time"]), str(record["level"]), str(record["text"])))
        self.logged += 1

    def _ended(self, record: Record) -> None:
        event = checked(record)
        if not isinstance(event, RunEnded):
            raise ValueError("not an end")
        # JSON of other hands may hold NaN.
        event = replace(event, seconds=finite(event.seconds), train_seconds=finite(event.train_seconds))
        self.ended = event
        if event.status in ("finished", "stopped"):
            self.concluded = event
        self.ended_attempt = record["attempt"]
        self.ended_at = float(record["time"])

    def copy(self) -> History:
        """A copy that does not change while this history continues."""
        kept = copy.copy(self)
        kept.points = self.points.first(len(self.points))
        kept.epochs, kept.metric_names = dict(self.epochs), dict(self.metric_names)
        kept.checkpoints, kept.commands = list(self.checkpoints), list(self.commands)
        kept.logs = deque(self.logs, maxlen=self.logs.maxlen)
        return kept

    def as_of(self, step: float) -> History:
        """The history at the time when `step` was done: points, epochs with their evaluation, checkpoints, commands and
        log lines. The test result and the end are included from the last step on.
        """
        past = copy.copy(self)
        past.points = self.points.first(bisect_right(self.points.steps, step))
        past.epochs = {number: record for number, record in self.epochs.items() if record.step <= step}
        past.checkpoints = [record for record in self.checkpoints if record["step"] <= step]
        past.commands = [record for record in self.commands if record.get("step", 0) <= step]
        past.starts = [start for start in self.starts if start[0] <= step] or self.starts[:1]
        past.last_time = past._latest()
        past.logs = deque((line for line in self.logs if line[0] <= past.last_time), maxlen=self.logs.maxlen)
        if step < self.step:
            past._forget_end()
        return past

    def _latest(self) -> float:
        """The latest time of epochs, points and starts."""
        times = [record.time for record in self.epochs.values()]
        times += [self.points.time[-1]] if len(self.points) else []
        return max(times, default=self.starts[0][1] if self.starts else 0.0)

    def _forget_end(self) -> None:
        """Reset the test, the end and the times to what points and epochs imply."""
        done = self.step
        keep = bisect_right(self._chunk_steps, done)
        self._chunk_steps, self._chunk_seconds = self._chunk_steps[:keep], self._chunk_seconds[:keep]
        evaluating = sum(record.evaluation_seconds or 0.0 for record in self.epochs.values())
        self.ended = self.test = self.samples_per_second = None
        self._best = None
        self._elapsed, self._ready = {0: self.train_seconds + evaluating}, {0: 0.0}

    @property
    def more_names(self) -> tuple[str, ...]:
        """The names of the further metrics of any epoch."""
        return tuple(dict.fromkeys(name for record in self.epochs.values() for name in record.more))

    @property
    def own_loss(self) -> bool:
        """True if the loss is the model's own; the loss of other regressions is their mean squared error."""
        return bool(self.attempt and self.attempt.own_loss)

    @property
    def monitor(self) -> dict[str, str] | None:
        """The metric, split and mode ("max" or "min") that decide which epoch is best: the validation loss where no
        epoch has a value of the metric that was asked for.
        """
        return self._decided()[1]

    @property
    def best(self) -> EpochRecord | None:
        """The best epoch on the monitor; of equals the one that the run itself took for the best, else the earliest.
        None before the first evaluation.
        """
        return self._decided()[0]

    def _decided(self) -> _Decided:
        """The best epoch, and the monitor that decides on it."""
        decided = self._best
        if decided is None:
            asked = self.attempt.monitor if self.attempt else None
            by_loss = {**asked, "metric": LOSS, "mode": "min"} if asked else None
            found = ((self._best_by(monitor), monitor) for monitor in (asked, by_loss) if monitor)
            decided = self._best = next((pair for pair in found if pair[0] is not None), (None, asked))
        return decided

    def _best_by(self, monitor: Mapping[str, str]) -> EpochRecord | None:
        metric, sign = monitor.get("metric", ""), -1 if monitor.get("mode") == "max" else 1

        def rank(record: EpochRecord) -> tuple[float, int]:
            return sign * record.validation[metric], -record.epoch if record.best else record.epoch

        known = [one for one in self.epochs.values() if not math.isnan(one.validation.get(metric, math.nan))]
        return min(known, key=rank, default=None)

    @property
    def lr_changes(self) -> list[tuple[int, float]]:
        """The learning rates set by commands, as (step, lr) pairs: `lr` holds from that step on. A change replaces
        later ones.
        """
        changes: list[tuple[int, float]] = []
        for record in self.commands:
            if record.get("action") != "set":
                continue
            try:
                step, lr = int(record["step"]), float(record["arguments"]["lr"])
            except _MALFORMED:
                continue
            changes = [change for change in changes if change[0] < step]
            changes.append((step, lr))
        return changes

    @property
    def added_epochs(self) -> list[int]:
        """The numbers of epochs that were added to those of run.json, oldest first."""
        added = []
        for record in self.commands:
            arguments = record.get("arguments")
            if record.get("action") != "extend" or not isinstance(arguments, dict):
                continue
            epochs = arguments.get("epochs")
            if isinstance(epochs, int) and epochs > 0:
                added.append(epochs)
        return added

    @property
    def fits(self) -> list[tuple[int, int]]:
        """(step, steps in all) of a run that trains for `max_time`: the estimates, each valid from its step on."""
        found: list[tuple[int, int]] = []
        for record in self.commands:
            if record.get("action") != "fit":
                continue
            try:
                step, total = int(record["step"]), int(record["arguments"]["total"])
            except _MALFORMED:
                continue
            if 0 <= step < total:
                found = [*(fit for fit in found if fit[0] < step), (step, total)]
        return found

    @property
    def steered(self) -> list[Record]:
        """The commands that steer the plan, as checkpoints carry them, oldest first."""
        return [
            {name: record.get(name) for name in ("id", "action", "step", "arguments")}
            for record in self.commands
            if record.get("action") in ("set", "extend", "fit") and isinstance(record.get("arguments"), dict)
        ]

    @property
    def epochs_done(self) -> int:
        """The number of epochs that are done, counted as they are numbered: those of a parent from which the run went
        on count, also where this log has no record of them.
        """
        return max(self.epochs, default=self.first_epoch)

    @property
    def step(self) -> int:
        """The global steps done, according to the log."""
        last = int(self.points.steps[-1]) if len(self.points) else 0
        start = self.attempt.start_step if self.attempt else 0
        return max(last, start, max(map(attrgetter("step"), self.epochs.values()), default=0))

    @property
    def train_seconds(self) -> float:
        """The time in training steps only, over all attempts, as far as it is known."""
        if self.ended is not None:
            return self.ended.train_seconds
        done = max((record.step for record in self.epochs.values()), default=0)
        begun = bisect_right(self._chunk_steps, done)
        told = [*(record.seconds for record in self.epochs.values()), *self._chunk_seconds[begun:]]
        # A line without its time counts nothing; one NaN would make a NaN of all.
        return sum(seconds for seconds in told if math.isfinite(seconds))

    @property
    def at_work(self) -> float:
        """The seconds from the times at which the attempts were ready to train to their last lines."""
        return sum(max(self._elapsed[attempt] - ready, 0.0) for attempt, ready in self._ready.items())

    @property
    def elapsed(self) -> float:
        """The total time of all attempts in seconds, from their first line to their last."""
        return sum(self._elapsed.values())


_Decided = tuple["EpochRecord | None", dict[str, str] | None]
_FOLDS: dict[str, Callable[[History, Record], None]] = {
    "attempt_started": History._started,
    "trained": History._trained,
    "epoch_ended": History._epoch_ended,
    "evaluated": History._evaluated,
    "checkpoint_saved": History._saved,
    "command_obeyed": History._commanded,
    "log": History._logged,
    "run_ended": History._ended,
}


@dataclass(frozen=True)
class EpochRecord:
    """An epoch, counted from 1; `validation` is empty and `evaluation_seconds` None until it was evaluated."""

    epoch: int
    step: int
    train: dict[str, float]
    validation: dict[str, float]
    lr: float
    seconds: float
    evaluation_seconds: float | None
    samples_per_second: float
    time: float
    more: dict[str, float] = field(default_factory=dict)
    """The further metrics of the validation split: those that are shown only where they are asked for."""
    best: bool = False
    """The run took it for the best so far."""
