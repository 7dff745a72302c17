"""Describes a run's curves in plain words where they are clear; tested on real curves in tests/helpers/curves.

Every rule looks at whole epochs only and is silent when in doubt: one wrong word costs the trust of ten right ones.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import TYPE_CHECKING

from dltui.core.reading.time_spent import data_share
from dltui.core.tasks.monitor import LOSS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.reading.history import EpochRecord, History

LEAST = 3
"""Evaluated epochs before anything is said of a curve."""
RECENT = 3
"""The number of epochs that are averaged, because a single epoch may be a spike."""
STEADY = ("constant",)
"""Schedules that do not lower the learning rate by themselves: under others a flat curve may fall again."""
GUESSING_EPOCHS = 4
CLEARLY = 0.05
"""The accuracy above that of guessing which no classifier has by chance; of many classes twice as much is enough."""
PLATEAU_EPOCHS = 10
NOISE_EPOCHS = 10
"""Epochs over which the noise of a validation loss is measured."""
INPUT_SHARE = 0.5
INPUT_SECONDS = 0.2
"""Training with known data time before its share counts."""
AGAIN = "fills the form with this run: "
ADVICE = {
    "overfitting": (("s", "stops; the best epoch is kept"), ("a", f"{AGAIN}fewer epochs or more weight decay")),
    "diverging": (("l", "lowers the learning rate"), ("a", f"{AGAIN}a lower lr")),
    "does not learn": (("l", "sets another learning rate"), ("a", f"{AGAIN}another lr")),
    "plateau": (("l", "sets another learning rate"), ("a", f"{AGAIN}another lr or a larger model")),
    "input bound": (("a", f"{AGAIN}less augmentation"), ("a", f"{AGAIN}less augmentation")),
}
"""The key that helps and what it does, while a run goes on and when it has ended."""

FLAGS = {
    "overfitting": "--weight-decay",
    "diverging": "--lr",
    "does not learn": "--lr",
    "plateau": "--lr",
    "input bound": "--augment",
}
"""The flag of `dltui train` that changes what the advice names."""


@dataclass(frozen=True)
class Verdict:
    """A verdict: its `kind` in a few words, the epoch since which it holds, a sentence of evidence, and a key that
    helps.
    """

    kind: str
    evidence: str
    since: int | None = None
    key: str = ""
    help: str = ""
    bad: bool = True
    """True for a warning, false for a remark about the progress."""

    @property
    def text(self) -> str:
        return f"{self.kind} since epoch {self.since}" if self.since is not None else self.kind


def judge(history: History, schedule: str = "constant") -> Verdict | None:
    """The most important verdict, or None where nothing is clear. `schedule` is the schedule of the learning rate."""
    verdict = _find(history, schedule)
    if verdict is None or verdict.kind not in ADVICE:
        return verdict
    key, help_ = ADVICE[verdict.kind][history.ended is not None]
    return replace(verdict, key=key, help=help_)


def _find(history: History, schedule: str) -> Verdict | None:
    if history.ended is not None and history.ended.status == "failed":
        return _diverged(history)
    records = [record for _, record in sorted(history.epochs.items()) if _complete(record)]
    if not records and not len(history.points):
        return Verdict("no data yet", "the first steps are still to come", bad=False)
    if len(records) < LEAST:
        if history.ended is not None:
            return None
        return Verdict("too early to judge", "", bad=False)
    return (
        _diverging(records)
        or _guessing(records, history, schedule)
        or _overfitting(records, history)
        or _plateau(records, history, schedule)
        or _input_bound(history)
    )


def _complete(record: EpochRecord) -> bool:
    losses = (record.train.get("loss", math.nan), record.validation.get("loss", math.nan))
    return all(map(math.isfinite, losses))


def _diverged(history: History) -> Verdict | None:
    """A verdict about a run that failed because a loss was NaN or infinite."""
    ended = history.ended
    if ended is None or "finite" not in ended.reason:
        return None
    what = clean_line(ended.reason.partition(";")[0], 100)
    lr = ended.remedy.get("lr")
    tries = f"tries lr {lr:g}" if isinstance(lr, (int, float)) else ""
    return Verdict("diverged", what, key="t" if tries else "", help=tries)


def _diverging(records: Sequence[EpochRecord]) -> Verdict | None:
    """A verdict about a training loss that climbs: for several epochs, far above its best, and not by a single jump."""
    losses = [record.train["loss"] for record in records]
    best = losses.index(min(losses))
    since, now = losses[best + 1 :], fmean(losses[-RECENT:])
    if len(since) < RECENT or losses[best] <= 0:
        return None
    high = min(since[-RECENT:]) > 1.5 * losses[best] and now > 2 * losses[best] and now > 0.2 * losses[0]
    # Some bounce high above their best and come back: what diverges stays above it from the first epoch after on.
    if not high or min(since) < 1.15 * losses[best] or fmean(since[: len(since) // 2 + 1]) > now:
        return None
    evidence = f"train loss {_short(losses[best])} at epoch {records[best].epoch}, {_short(now)} in the last {RECENT}"
    return Verdict("diverging", evidence, records[best].epoch + 1)


def _guessing(records: Sequence[EpochRecord], history: History, schedule: str) -> Verdict | None:
    """A verdict about a classifier that is no better than uniform random guessing; None otherwise."""
    attempt = history.attempt
    classes = len(attempt.dataset.get("classes") or ()) if attempt else 0
    if attempt is None or classes < 2 or len(records) < GUESSING_EPOCHS:
        return None
    if schedule not in STEADY and len(records) < 0.4 * attempt.epochs:
        # The learning rate may still be on its way up.
        return None
    chance, better = math.log(classes), min(2 / classes, 1 / classes + CLEARLY)
    recent = records[-GUESSING_EPOCHS:]
    rights = [value for record in recent for value in (record.train.get("accuracy"), record.validation.get("accuracy"))]
    lost = [loss for record in recent for loss in (record.train["loss"], record.validation["loss"])]
    if min(lost) < 0.97 * chance or any(value is None or value > better for value in rights):
        return None
    falls = fmean(record.train["loss"] for record in records[-2:]) < 0.9 * fmean(
        record.train["loss"] for record in records[-4:-2]
    )
    if falls:
        return None
    evidence = f"train loss {_short(recent[-1].train['loss'])}, guessing among {classes} classes gives {_short(chance)}"
    return Verdict("does not learn", evidence)


def _overfitting(records: Sequence[EpochRecord], history: History) -> Verdict | None:
    """A verdict about a validation loss that rises beyond its own noise since its best, while the training
    loss falls.
    """
    losses = [record.validation["loss"] for record in records]
    best = losses.index(min(losses))
    since = records[best:]
    if len(since) < RECENT + 2:
        return None
    rise = min(median(losses[-RECENT:]), fmean(losses[-RECENT:])) - losses[best]
    noise = max(_noise(losses[best:]), _noise(losses[-NOISE_EPOCHS:]))
    train = fmean(record.train["loss"] for record in records[-RECENT:])
    if rise < max((0.05 + _sampling_error(history)) * losses[best], 2 * noise) or train > 0.9 * since[0].train["loss"]:
        return None
    if min(losses[-RECENT:]) < losses[best] + rise / 2 or _improved(since, history):
        return None
    evidence = (
        f"validation loss {_short(losses[best])} to {_short(losses[-1])}, "
        f"train loss {_short(since[0].train['loss'])} to {_short(train)}"
    )
    return Verdict("overfitting", evidence, since[0].epoch)


def _sampling_error(history: History) -> float:
    """The relative sampling error of a loss over a small validation split."""
    sizes = history.attempt.dataset.get("sizes") if history.attempt else None
    count = sizes.get("validation") if isinstance(sizes, dict) else None
    return 2 / math.sqrt(count) if isinstance(count, int) and count > 0 else 0.0


def _noise(losses: Sequence[float]) -> float:
    """The median absolute change of a loss from one epoch to the next."""
    return median(abs(after - before) for before, after in itertools.pairwise(losses))


def _scores(records: Sequence[EpochRecord], history: History) -> list[float]:
    """The metric of the validation split that tells of progress beside the loss, after each of these epochs: that of
    the monitor, the accuracy where this is the loss. Higher is better; NaN where it is missing.
    """
    monitor = history.monitor or {}
    name = str(monitor.get("metric", LOSS))
    sign = -1.0 if name != LOSS and monitor.get("mode") == "min" else 1.0
    return [sign * record.validation.get("accuracy" if name == LOSS else name, math.nan) for record in records]


def _step(score: float, part: float) -> float:
    """A change of a score that counts: a `part` of 1, and of errors and large numbers in proportion."""
    return part * (abs(score) if score < 0 else max(score, 1.0))


def _improved(since: Sequence[EpochRecord], history: History) -> bool:
    """True if the score rose clearly since the first of these epochs."""
    first, *later = _scores(since, history)
    return any(value > first + _step(first, 0.01) for value in later)


def _highest(records: Sequence[EpochRecord], history: History) -> float:
    """The best score of these epochs; 0 without any."""
    return max((value for value in _scores(records, history) if not math.isnan(value)), default=0.0)


def _plateau(records: Sequence[EpochRecord], history: History, schedule: str) -> Verdict | None:
    """A verdict about validation metrics that have not moved for many epochs under a steady learning rate."""
    if schedule not in STEADY or len(records) <= PLATEAU_EPOCHS:
        return None
    before, lately = records[:-PLATEAU_EPOCHS], records[-PLATEAU_EPOCHS:]
    low, lowest = (min(record.validation["loss"] for record in part) for part in (before, lately))
    high, highest = (_highest(part, history) for part in (before, lately))
    noise = _noise([record.validation["loss"] for record in lately])
    if low - lowest > 0.01 * low or highest > high + _step(high, 0.005) or noise > 0.05 * low:
        return None
    train_before = fmean(record.train["loss"] for record in records[-PLATEAU_EPOCHS - RECENT : -PLATEAU_EPOCHS])
    train = fmean(record.train["loss"] for record in records[-RECENT:])
    since = next(record.epoch for record in before if record.validation["loss"] <= 1.01 * low)
    evidence = (
        f"validation loss {_short(low)} then, {_short(lowest)} at best in the last {PLATEAU_EPOCHS}; "
        f"train loss {_short(train_before)} to {_short(train)}"
    )
    return Verdict("plateau", evidence, since)


def _input_bound(history: History) -> Verdict | None:
    share = data_share(history)
    if share is None or share <= INPUT_SHARE or history.told_seconds < INPUT_SECONDS:
        return None
    evidence = f"{100 * share:.0f} % of the training time goes into loading batches, the rest into computing"
    return Verdict("input bound", evidence)


def _short(value: float) -> str:
    return f"{value:.4g}"
