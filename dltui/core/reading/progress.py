"""Computes a run's position and its remaining time: pure functions of the contents of its directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dltui.core.reading.history import EpochRecord, History
    from dltui.core.rundir.heartbeat import Live

# An estimate from less training than this is a guess, and a guess is not shown.
EARNED_SECONDS = 2.0
GUESSED_SPLIT = 0.25
"""The largest validation split, as a part of the train split, whose first evaluation may be guessed: a tenth of it."""


@dataclass(frozen=True)
class Progress:
    """The progress of a run. `epoch` is the epoch being trained, from 1; fractions are 0 to 1; `left` is the remaining
    time in seconds, None until it can be estimated.
    """

    epoch: int
    epochs: int
    epoch_fraction: float
    run_fraction: float
    left: float | None
    samples_per_second: float | None


def progress(history: History, live: Live | None) -> Progress | None:
    """The progress of a run; None before the first attempt has begun."""
    attempt = history.attempt
    if attempt is None or attempt.total_steps <= 0:
        return None
    step = max(_last_step(history), live.step if live else 0)
    step = min(step, attempt.total_steps)
    per_epoch = max(attempt.steps_per_epoch, 1)
    ended = history.ended is not None
    epoch = min(step // per_epoch + 1, attempt.epochs)
    inside = 1.0 if step >= attempt.total_steps else step % per_epoch / per_epoch
    return Progress(
        epoch=epoch,
        epochs=attempt.epochs,
        epoch_fraction=inside,
        run_fraction=step / attempt.total_steps,
        left=None if ended else seconds_left(history, step),
        samples_per_second=speed(history),
    )


def seconds_left(history: History, step: int) -> float | None:
    """The expected seconds of training and evaluation still to come, at the pace of the last epochs, including the
    test.
    """
    attempt = history.attempt
    if attempt is None:
        return None
    recent = [record for _, record in sorted(history.epochs.items())][-5:]
    if recent and sum(record.seconds for record in recent) > 0:
        pace = sum(record.seconds for record in recent) / (len(recent) * max(attempt.steps_per_epoch, 1))
        earned = history.train_seconds >= EARNED_SECONDS or len(recent) >= 3
    else:
        # The time is that of all attempts that count, and so are the steps.
        trained = step - (history.starts[0][0] if history.starts else attempt.start_step)
        pace = history.train_seconds / trained if trained > 0 else 0.0
        earned = history.train_seconds >= EARNED_SECONDS
    evaluation = _evaluation(history, recent, pace)
    if not earned or pace <= 0 or evaluation is None:
        return None
    test = _tests(attempt.config) * _size(history, "test") / max(_size(history, "validation"), 1)
    left = max(attempt.epochs - _evaluated(history), 0)
    return (attempt.total_steps - step) * pace + (left + test) * evaluation


def _evaluated(history: History) -> int:
    """The number of the last epoch after which the validation split was evaluated."""
    last = history.epochs.get(history.epochs_done)
    return history.epochs_done - (last is not None and last.evaluation_seconds is None)


def _tests(config: Mapping[str, Any]) -> int:
    """How often the test split is predicted at the end."""
    if not config.get("test", True):
        return 0
    return 2 if config.get("mirror_test") else 1


def _evaluation(history: History, recent: Sequence[EpochRecord], pace: float) -> float | None:
    """The seconds of an evaluation of the validation split. Before the first evaluation it is estimated as a third of
    training on as many samples (forward without backward); None where the split is too large for an estimate.
    """
    known = [record.evaluation_seconds for record in recent if record.evaluation_seconds is not None]
    if known:
        return sum(known) / len(known)
    validation, train = _size(history, "validation"), _size(history, "train")
    if history.attempt is None or validation > train * GUESSED_SPLIT:
        return None
    return pace * history.attempt.steps_per_epoch * validation / max(train, 1) / 3


def _size(history: History, split: str) -> int:
    sizes = history.attempt.dataset.get("sizes") if history.attempt else None
    size = sizes.get(split) if isinstance(sizes, dict) else None
    return size if isinstance(size, int) else 0


def speed(history: History) -> float | None:
    """The latest training speed in samples per second."""
    if history.samples_per_second:
        return float(history.samples_per_second)
    if not history.epochs:
        return None
    return float(history.epochs[max(history.epochs)].samples_per_second)


def _last_step(history: History) -> int:
    steps = history.points.steps
    return int(steps[-1]) if len(steps) else 0
