"""The metric that decides which epoch is best: the task's, the model's or the user's choice."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dltui.core.errors import UsageError
from dltui.core.tasks.registry import TASKS, is_error
from dltui.core.text import clean_line, suggest

NAME = re.compile(r"-?[a-z][a-z0-9_]{0,39}")
SPLIT = "validation"
TOP5 = "top5_accuracy"
LOSS = "loss"
"""It decides where the metric that was asked for has no value."""


@dataclass(frozen=True)
class Monitor:
    """The metric that decides which epoch is best."""

    metric: str
    split: str
    mode: str

    def better(self, value: float, than: float | None) -> bool:
        """True if a value is strictly better. NaN is the worst value."""
        if than is None or math.isnan(than):
            return than is None or not math.isnan(value)
        return value > than if self.mode == "max" else value < than

    def beats(self, value: float, loss: float, best: float | None, its_loss: float | None) -> bool:
        """True if an epoch of this value and validation loss takes the place of the best: with a better value, or with
        the same value and a lower loss. With few samples many epochs have the same accuracy, or none that can be
        computed (NaN).
        """
        same = value == best or _are_missing(value, best)
        return self.better(value, best) or (same and its_loss is not None and loss < its_loss)

    def better_by(self, delta: float, value: float, loss: float, than: float | None, its_loss: float | None) -> bool:
        """True if an epoch of this value and validation loss is better by more than `delta` than another one: by its
        loss where neither value can be computed (NaN).
        """
        if _are_missing(value, than):
            return its_loss is not None and loss < its_loss - delta
        return self.better(value if than is None else value - delta if self.mode == "max" else value + delta, than)

    def deciding(self, value: float, loss: float | None) -> tuple[Monitor, float]:
        """The monitor that decides on an epoch of this value and validation loss, and its value: the loss where the
        value cannot be computed (NaN).
        """
        if not math.isnan(value):
            return self, value
        return Monitor(LOSS, self.split, "min"), math.nan if loss is None else loss


def _are_missing(value: float, than: float | None) -> bool:
    """True for two values that cannot be computed."""
    return than is not None and math.isnan(value) and math.isnan(than)


def choose_monitor(task: str, *asked: str) -> Monitor:
    """The monitor of the first of these that is not "": "f1", "validation.f1" or "-f1" for the lowest value; without
    any the default of the task. Errors are best where they are lowest.
    """
    chosen = next(filter(None, asked), TASKS[task].monitor)
    name = _name(chosen)
    lowest = chosen.startswith("-") or is_error(name)
    return Monitor(name, SPLIT, "min" if lowest else "max")


def check_monitor(asked: str, task: str, own: bool, classes: int = 0) -> None:
    """Check a monitor before there is a run; `own`: the model has metrics of its own, whose names only it knows;
    `classes` is their number where it is known. Raises UsageError.
    """
    split, dot, _ = asked.removeprefix("-").partition(".")
    if dot and split != SPLIT:
        raise UsageError(
            f"monitor {clean_line(asked, 60)}: the best epoch is chosen on the {SPLIT} split, {_example(task)}"
        )
    name = _name(asked)
    if name == TOP5 and 0 < classes <= 5:
        raise UsageError(f"monitor {name} needs more than 5 classes, the data has {classes}; {_example(task)}")
    if own and NAME.fullmatch(name):
        return
    names = TASKS[task].names
    if name not in names:
        hint = suggest(name, names) or f"{task} has {', '.join(names)}"
        raise UsageError(f"monitor {clean_line(asked, 60)}: no such metric; {hint}")


def names(task: str) -> Sequence[str]:
    """The words that `--monitor` takes, for completion."""
    return [f"{SPLIT}.{name}" for name in TASKS[task].names]


def _name(asked: str) -> str:
    return asked.removeprefix("-").removeprefix(f"{SPLIT}.")


def _example(task: str) -> str:
    return f"such as {SPLIT}.{TASKS[task].monitor}"
