"""Reads the trials of a sweep from their run directories, which are all that is kept of them."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.pruning import Curve, decides, reason
from dltui.core.analysis.trials.space import from_record
from dltui.core.errors import DltuiError
from dltui.core.reading import rows
from dltui.core.reading.list_cache import Stamp
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import commands
from dltui.core.rundir.directory import RunDirectory
from dltui.core.tasks.monitor import LOSS

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.tasks.monitor import Monitor

KEY = "sweep"
"""The part of run.json that makes a run one of a sweep."""
PINNED = "pinned"
"""The tag of a trial that is never pruned."""
LOST = ("interrupted", "preempted")
"""The status of a trial whose worker was ended from outside."""
_PRUNED = re.compile(r"pruned at epoch (\d+)\b")
_MOST_POINTS = 16
"""The curves of the steps are of no use here."""


@dataclass(frozen=True)
class Trial:
    """A trial as its run directory tells it now."""

    number: int
    run: RunDirectory
    values: Mapping[str, Any]
    status: str
    why: str = ""
    name: str = ""
    metric: str = ""
    mode: str = "max"
    scores: Mapping[int, float] = field(default_factory=dict)
    """The monitored value of each epoch."""
    chosen: int = 0
    """The best epoch of the run's history; 0 without any."""
    losses: Mapping[int, float] = field(default_factory=dict)
    """The validation loss of each epoch, which decides where no trial has a monitored value."""
    times: Mapping[int, float] = field(default_factory=dict)
    """The unix time at which each epoch was done."""
    epochs: int = 0
    """The epochs that it is to have."""
    seconds: float = 0.0
    test: Mapping[str, float] | None = None
    tags: tuple[str, ...] = ()
    confirms: int | None = None
    """The number of the trial whose values it trains again with another seed."""
    over: bool = False
    step: int = 0
    was_finished: bool = False
    """It was trained to its end, whatever became of the test that followed."""

    @property
    def done(self) -> int:
        """The finished epochs."""
        return max([*self.scores, *self.losses], default=0)

    @cached_property
    def best(self) -> float | None:
        return self.scores[self.best_epoch] if self.best_epoch else None

    @cached_property
    def best_epoch(self) -> int:
        """The epoch that the run took for the best; without it that of the best value, the earlier of two; 0 without a
        value.
        """
        if self.chosen in self.scores:
            return self.chosen
        return max(self.scores, key=lambda epoch: (self.sign * self.scores[epoch], -epoch), default=0)

    @property
    def sign(self) -> int:
        return sign_of(self.mode)

    @property
    def pruned(self) -> int | None:
        """The epoch at which it was pruned."""
        return pruned_at(self.status, self.why)

    @property
    def whole(self) -> bool:
        """True if it was trained to its end."""
        if self.status == "finished" or self.was_finished:
            return True
        return self.over and not self.pruned and 0 < self.epochs <= self.done

    @property
    def killed(self) -> bool:
        """True if a user has ended it at once, and wants no more of it."""
        if self.status not in LOST:
            return False
        return self.why.startswith("killed by ") or bool(commands.killer(self.run.path))

    @property
    def pinned(self) -> bool:
        return PINNED in self.tags

    def curve(self) -> Curve:
        return curve(self.number, self.scores, self.sign)

    def standing(self) -> str:
        """The status in a few words: `pruned at epoch 3`, `running`."""
        return f"pruned at epoch {self.pruned}" if self.pruned else self.status


def pin(run: RunDirectory, pinned: bool = True) -> None:
    """Pin a trial, so that it is never pruned, or take that back. Raises RunError."""
    tags = [tag for tag in run.labels()["tags"] if tag != PINNED]
    run.set_labels(tags=[*tags, PINNED] if pinned else tags)


def pin_resumed(reader: RunReader) -> bool:
    """Pin a trial that was pruned and is resumed: who does it wants to see its end. False for other runs."""
    ended = reader.history.ended
    if ended is None or not record_of(reader.directory) or not pruned_at(ended.status, ended.reason):
        return False
    pin(reader.directory)
    return True


def pruned_at(status: str, why: str) -> int | None:
    """The epoch at which a run of this status was pruned; None when it was not."""
    found = _PRUNED.match(why) if status == "stopped" else None
    return int(found[1]) if found else None


def sign_of(mode: str) -> int:
    """The factor that makes the best value the highest."""
    return -1 if mode == "min" else 1


def curve(number: int, scores: Mapping[int, float], sign: int) -> Curve:
    """The curve of the values, such that higher is better."""
    return Curve(number, {epoch: sign * value for epoch, value in scores.items()})


def order(trials: Sequence[Trial]) -> list[Trial]:
    """The trials, the best first; those without a value last. Ties go to the earlier one."""

    def rank(trial: Trial) -> tuple[float, int]:
        return (math.inf if trial.best is None else -trial.sign * trial.best, trial.number)

    return sorted(trials, key=rank)


def winner(trials: Sequence[Trial]) -> Trial | None:
    """The best of the trials that were trained to their end."""
    return next((one for one in order(trials) if one.whole and one.best is not None), None)


def lacks_test(best: Trial) -> bool:
    """True if the test split of the winner is to be evaluated; a test that failed or was killed is not repeated."""
    return best.test is None and best.status != "failed" and not best.killed


def following(trials: Sequence[Trial], refused: Iterable[int]) -> int:
    """The number of the next trial; `refused` are those whose values do not go together."""
    return max([*(one.number for one in trials), *refused], default=-1) + 1


def record_of(run: RunDirectory) -> Mapping[str, Any]:
    """What run.json says of the sweep of a run; {} for a run of none, or that cannot be read."""
    try:
        found = run.run().get(KEY)
    except DltuiError:
        return {}
    return found if isinstance(found, dict) else {}


def plan_of(run: RunDirectory) -> Plan | None:
    """The plan that a run of a sweep carries."""
    try:
        return Plan.from_json(record_of(run)["plan"])
    except (KeyError, TypeError, ValueError):
        return None


def scores_of(history: History, metric: str) -> dict[int, float]:
    """The value of a metric of the validation split after each epoch that has one."""
    values = {number: one.validation.get(metric, math.nan) for number, one in sorted(history.epochs.items())}
    return {number: value for number, value in values.items() if not math.isnan(value)}


def comparable(trials: Iterable[Trial]) -> list[Trial]:
    """The trials with values that can be compared: where none has a monitored value, their losses."""
    found = list(trials)
    if any(one.scores for one in found) or not any(one.losses for one in found):
        return found
    return [replace(one, metric=LOSS, mode="min", scores=one.losses) for one in found]


class TrialReader:
    """Follows the run directories of a sweep."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._readers: dict[str, RunReader | None] = {}
        """None for a run of something else."""
        self._kept: dict[str, tuple[Stamp, Trial]] = {}
        """The trials that have ended, until a file of theirs changes: there may be hundreds."""

    def runs(self) -> list[RunDirectory]:
        """The runs of the sweep; their folders begin with its name."""
        return [reader.directory for reader in self._found()]

    def trials(self) -> list[Trial]:
        """The trials in the order of their numbers."""
        return [one for one in self.all() if one.confirms is None]

    def all(self) -> list[Trial]:
        found = (trial for reader in self._found() if (trial := self._trial(reader)) is not None)
        return sorted(comparable(found), key=lambda trial: (trial.number, trial.run.id))

    def _trial(self, reader: RunReader) -> Trial | None:
        path = str(reader.directory.path)
        numbers, kept = rows.stamp(path), self._kept.get(path)
        if kept is not None and kept[0] == numbers:
            return kept[1]
        reader.refresh()
        found = read(reader)
        if found and numbers and found.over and found.status != "interrupted" and rows.quiet(numbers, time.time_ns()):
            self._kept[path] = (numbers, found)
        return found

    def curves(self, but: RunDirectory, monitor: Monitor) -> list[Curve]:
        """The curves of all trials but one, of those on which this monitor decides."""
        found = []
        for reader in self._found():
            reader.refresh()
            number, record = record_of(reader.directory).get("trial"), record_of(reader.directory)
            if not isinstance(number, int) or record.get("confirms") is not None or reader.directory == but:
                continue
            if (reader.history.monitor or {}).get("metric") == monitor.metric:
                found.append(curve(number, scores_of(reader.history, monitor.metric), sign_of(monitor.mode)))
        return found

    def _found(self) -> list[RunReader]:
        """A reader for each run of the sweep."""
        try:
            with os.scandir(paths.runs_dir()) as entries:
                names = {entry.name for entry in entries if entry.name.startswith(f"{self.name}-")}
        except OSError:
            names = set()
        for name in self._readers.keys() - names:
            del self._readers[name]
        for name in names - self._readers.keys():
            run = RunDirectory(paths.runs_dir() / name)
            if run.run_json.is_file():
                mine = record_of(run).get("name") == self.name
                self._readers[name] = RunReader(run, _MOST_POINTS) if mine else None
        return [reader for reader in self._readers.values() if reader is not None]


def read(reader: RunReader) -> Trial | None:
    """The trial of a reader that has been refreshed; None for a run whose record is damaged."""
    record, labels = record_of(reader.directory), reader.labels
    try:
        number, values = int(record["trial"]), from_record(record["values"])
        confirms = None if record.get("confirms") is None else int(record["confirms"])
    except (KeyError, TypeError, ValueError):
        return None
    status, history = reader.status(), reader.history
    attempt = history.attempt
    monitor = attempt.monitor if attempt else {}
    asked = reader.run["config"].get("epochs", 1)
    return Trial(
        number=number,
        run=reader.directory,
        values=values,
        status=status.name,
        why=status.why,
        name=str(labels["name"]),
        metric=monitor.get("metric", ""),
        mode=monitor.get("mode", "max"),
        scores=scores_of(history, monitor.get("metric", "")),
        losses=scores_of(history, LOSS),
        chosen=history.best.epoch if history.best else 0,
        times={number: one.time for number, one in history.epochs.items()},
        epochs=attempt.epochs if attempt else int(asked),
        seconds=history.train_seconds,
        test=history.test["metrics"] if history.test else None,
        tags=tuple(labels["tags"]),
        confirms=confirms,
        over=status.over,
        step=history.step,
        was_finished=_was_finished(history),
    )


def _was_finished(history: History) -> bool:
    ended = history.concluded
    return ended is not None and ended.status == "finished" and history.step >= ended.step


class Judge:
    """Decides in a worker whether its trial goes on after an epoch, by the run directories of the others."""

    def __init__(self, run: RunDirectory, plan: Plan, number: int, beyond: int = 0) -> None:
        """It decides after more than `beyond` epochs."""
        self._run, self._plan, self._number, self._beyond = run, plan, number, beyond
        self._others = TrialReader(plan.name)

    @classmethod
    def of(cls, run: RunDirectory, history: History) -> Judge | None:
        """The judge of a trial; None for other runs. A trial that was pruned before is promoted: it is judged again at
        the next rung.
        """
        plan, record = plan_of(run), record_of(run)
        number = record.get("trial")
        if plan is None or not isinstance(number, int) or record.get("confirms") is not None:
            return None
        # Of an earlier attempt as well: the one after it may have been interrupted before the next rung.
        ended = history.concluded
        return cls(run, plan, number, (pruned_at(ended.status, ended.reason) if ended else None) or 0)

    def __call__(self, epoch: int, best: float, monitor: Monitor) -> str:
        """The reason to end after `epoch` epochs, of which `best` is the best value; "" to go on. A pinned trial goes
        on.
        """
        if epoch <= self._beyond or math.isnan(best) or not decides(self._plan, self._number, epoch):
            return ""
        if PINNED in self._run.labels()["tags"]:
            return ""
        own = Curve(self._number, {epoch: sign_of(monitor.mode) * best})
        return reason(self._plan, own, epoch, self._others.curves(self._run, monitor))
