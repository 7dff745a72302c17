"""Where a run is and when it will be done: pure functions of what its directory says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.history import History
    from dltui.core.live import Live

# An estimate from less training than this is a guess, and a guess is not shown.
EARNED_SECONDS = 2.0


@dataclass(frozen=True)
class Progress:
    """`epoch` counts from 1 and is the one being trained; fractions are 0 to 1; `left` is None until it is earned."""

    epoch: int
    epochs: int
    epoch_fraction: float
    run_fraction: float
    left: float | None
    samples_per_second: float | None


def progress(history: History, live: Live | None) -> Progress | None:
    """None before the first attempt has begun."""
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
    """Training and evaluation that are still to come, at the pace of the last epochs."""
    attempt = history.attempt
    if attempt is None:
        return None
    trained = step - attempt.start_step
    recent = [record for _, record in sorted(history.epochs.items())][-5:]
    evaluation = [record.evaluation_seconds for record in recent if record.evaluation_seconds is not None]
    if recent and sum(record.seconds for record in recent) > 0:
        pace = sum(record.seconds for record in recent) / (len(recent) * max(attempt.steps_per_epoch, 1))
        earned = history.train_seconds >= EARNED_SECONDS or len(history.epochs) >= 3
    else:
        pace = history.train_seconds / trained if trained > 0 else 0.0
        earned = history.train_seconds >= EARNED_SECONDS
    if not earned or pace <= 0:
        return None
    epochs_left = attempt.epochs - len(history.epochs)
    each = sum(evaluation) / len(evaluation) if evaluation else 0.0
    return (attempt.total_steps - step) * pace + max(epochs_left, 0) * each


def speed(history: History) -> float | None:
    """Samples a second in training, latest known."""
    if history.samples_per_second:
        return float(history.samples_per_second)
    if not history.epochs:
        return None
    return float(history.epochs[max(history.epochs)].samples_per_second)


def _last_step(history: History) -> int:
    steps = history.points.steps
    return int(steps[-1]) if len(steps) else 0
