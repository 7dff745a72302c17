"""Metrics from model outputs, computed once with numpy, so that every framework reports the same numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.types import Array, Task

    OwnMetrics = Callable[[Array, Array], Mapping[str, float]]
    Outputs = Any
    """The outputs of a whole split: an array, or what the task keeps of them (`TaskDefinition.gather`)."""


MOST_EACH_EPOCH = 200_000
"""The outputs of a split up to which the slow metrics are measured after each epoch too, in a few milliseconds."""


def measure(task: Task, outputs: Outputs, targets: Array, spec: Spec | None = None) -> dict[str, float]:
    """The means over all rows: the loss of the task and what is shown beside it."""
    return TASKS[task].arithmetic.measure(outputs, targets, spec)


def report(
    task: Task, outputs: Outputs, targets: Array, wanted: str, final: bool, spec: Spec | None = None
) -> dict[str, float]:
    """The further metrics of a whole split. The slow ones of a large split only where it is `final`, or `wanted`."""
    definition = TASKS[task]
    every = final or outputs.size <= MOST_EACH_EPOCH
    names = [metric.name for metric in definition.reported if every or not metric.slow or metric.name == wanted]
    return definition.arithmetic.report(outputs, targets, names, spec)


def own_metrics(ask: OwnMetrics, outputs: Array, targets: Array, known: Collection[str]) -> dict[str, float]:
    """The values of a model's own `metrics` for a whole split; NaN for one that is infinite, which logs and checkpoints
    do not hold. Raises RunError for a name that is `known` already or invalid, and for a value that is not a
    number.
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
            number = float(value)
        except (TypeError, ValueError):
            raise RunError(f"the model's own metric {name} gave {type(value).__name__}, not a number") from None
        found[name] = number if math.isfinite(number) else math.nan
    return found


def running_sum(start: float, values: Array) -> float:
    """The sum start + values[0] + values[1] + ... strictly in this order: chunks of any size give the same float."""
    return float(np.cumsum(np.concatenate([[start], values.astype(np.float64)]))[-1])
