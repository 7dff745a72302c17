"""Metrics from model outputs, computed once with numpy, so that every framework reports the same numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, Task

    OwnMetrics = Callable[[Array, Array], Mapping[str, float]]


ERRORS = ("loss", "mse")
"""Metrics whose lowest value is best."""


@dataclass(frozen=True)
class Monitor:
    """The metric that decides which epoch is best."""

    metric: str
    split: str
    mode: str

    def better(self, value: float, than: float | None) -> bool:
        """True if a value is strictly better, so that a tie stays with the earlier epoch. NaN is the worst value."""
        if than is None or math.isnan(than):
            return than is None or not math.isnan(value)
        return value > than if self.mode == "max" else value < than

    def better_by(self, delta: float, value: float, than: float | None) -> bool:
        """True if a value is better by more than `delta`."""
        return self.better(value if than is None else value - delta if self.mode == "max" else value + delta, than)


def choose_monitor(task: Task, asked: str = "") -> Monitor:
    """The monitor that a model asks for: "f1" for the highest, "-f1" for the lowest value of a metric on the validation
    split; without it the default of the task.
    """
    if not asked:
        return default_monitor(task)
    name = asked.removeprefix("-")
    lowest = name != asked or name in ERRORS
    return Monitor(name, "validation", "min" if lowest else "max")


def default_monitor(task: Task) -> Monitor:
    """The default: validation accuracy for classes, validation loss (mean squared error) for regression."""
    if task == "classification":
        return Monitor("accuracy", "validation", "max")
    return Monitor("loss", "validation", "min")


def measure(task: Task, outputs: Array, targets: Array) -> dict[str, float]:
    """The means over all rows: loss and accuracy from logits (n, classes), or loss and mse from predictions."""
    if task == "regression":
        error = float(np.mean(np.square(outputs.astype(np.float64) - targets)))
        return {"loss": error, "mse": error}
    chosen = log_softmax(outputs)[np.arange(len(targets)), targets]
    correct = np.argmax(outputs, axis=1) == targets
    return {"loss": float(-np.mean(chosen)), "accuracy": float(np.mean(correct))}


def own_metrics(ask: OwnMetrics, outputs: Array, targets: Array, known: Collection[str]) -> dict[str, float]:
    """The values of a model's own `metrics` for a whole split. Raises RunError for a name that is `known` already or
    invalid, and for a value that is not a number.
    """
    found = {}
    given = ask(outputs, targets)
    if not isinstance(given, Mapping):
        raise RunError(f"the model's own metrics returned {type(given).__name__}; return {{name: number}}")
    for name, value in given.items():
        if name in known:
            raise RunError(f"the model's own metric {name} needs another name: dltui measures {name} itself")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", str(name)):
            raise RunError(f"the model's own metric {clean_line(name, 40)!r} needs another name: a-z, 0-9, _")
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            raise RunError(f"the model's own metric {name} gave {type(value).__name__}, not a number") from None
    return found


def log_softmax(logits: Array) -> Array:
    """Logarithms of the class probabilities, float64 (n, classes), safe for large logits."""
    shifted = logits.astype(np.float64) - np.max(logits, axis=1, keepdims=True)
    logs: Array = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return logs


def running_sum(start: float, values: Array) -> float:
    """The sum start + values[0] + values[1] + ... strictly in this order: chunks of any size give the same float."""
    return float(np.cumsum(np.concatenate([[start], values.astype(np.float64)]))[-1])
