"""Outputs and metrics of whole splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.core.train.metrics import measure, own_metrics, report

if TYPE_CHECKING:
    from dltui.core.contract import Data, Spec, Trainable
    from dltui.core.contract.types import Array, SplitName
    from dltui.core.tasks.monitor import Monitor
    from dltui.core.train.metrics import Outputs, OwnMetrics

PREDICT_ROWS = 500
"""Rows of one `predict` call. Fixed, because the last bits of a matrix product can depend on the number of rows."""
LARGEST = 8192
"""The most rows of one `predict` call on a GPU."""
MOST_NUMBERS = 1 << 22
"""The numbers that go into one `predict` call: a network for photos makes some hundred times as many of them, which
would need more memory than a step of training.
"""
MOST_OUTPUTS = 1 << 23
"""The numbers that come out of one where a sample has many, as for each pixel."""


def rows_at_once(trainable: Trainable, spec: Spec) -> int:
    """The rows of one `predict` call: as the trainable says, else fewer where samples are large; fewer, too, where
    their outputs are large. One that divides them among devices gets so many for each.
    """
    most: int = getattr(trainable, "predict_rows", min(PREDICT_ROWS, _fitting(spec)))
    shape = TASKS[spec.task].output_shape(spec)
    each = most if len(shape) == 1 else max(1, min(most, MOST_OUTPUTS // prod(shape)))
    return each * int(getattr(trainable, "at_once", 1))


def rows_beside(spec: Spec, batch: int) -> int:
    """The rows of one `predict` call on a GPU that trains on `batch` samples at once: few large pieces where samples
    are small, and of large ones no more than a step has, whose activations need more memory.
    """
    fitting = _fitting(spec)
    return max(min(PREDICT_ROWS, fitting), min(8 * batch, LARGEST, max(fitting, batch)))


def _fitting(spec: Spec) -> int:
    """The samples that have MOST_NUMBERS together, at least one."""
    shapes = [one.shape for one in spec.named_inputs] or [spec.input_shape]
    return max(1, MOST_NUMBERS // max(1, sum(map(prod, shapes))))


def has_own_loss(trainable: Trainable) -> bool:
    return bool(getattr(trainable, "own_loss", False))


def ask(trainable: Trainable, split: SplitName, rows: slice) -> tuple[Array, dict[str, float]]:
    """The outputs of these rows, and the means of the model's own losses over them by name, the total as "loss"; {}
    without an own loss.
    """
    if not has_own_loss(trainable):
        return trainable.predict(split, rows), {}
    outputs, loss = trainable.evaluate(split, rows)  # type: ignore[attr-defined]
    named = loss if isinstance(loss, Mapping) else {"loss": loss}
    return outputs, {name: float(value) for name, value in named.items()}


class Means:
    """The means of the model's own losses over a split that is evaluated part by part."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._rows = 0

    def add(self, losses: Mapping[str, float], rows: int) -> None:
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss * rows
        self._rows += rows

    def into(self, metrics: dict[str, float]) -> dict[str, float]:
        """The metrics of the split, with the model's own losses, if there are any: their total in place of the task's
        loss.
        """
        return metrics | {name: value / self._rows for name, value in self._sums.items()}


class Evaluator:
    """Measures whole splits with the current weights, a piece at a time; `between` is called after each piece, and may
    end the evaluation by an exception.
    """

    def __init__(
        self,
        trainable: Trainable,
        data: Data,
        own: OwnMetrics | None,
        monitor: Monitor,
        between: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._trainable = trainable
        self._data = data
        self._own = own
        self._own_names: set[str] = set()
        self._own_failed = False
        self._monitor = monitor
        self._between = between
        self._warn = warn

    def evaluate(self, split: SplitName, epoch: int) -> tuple[dict[str, float], dict[str, float], Outputs]:
        """The metrics, the further metrics and the raw outputs of a whole split, float32 (n, outputs) or what the task
        keeps of them, after `epoch` epochs. The metric of the monitor is among the first.
        """
        part, spec, own_loss = self._data.split(split), self._data.spec, Means()
        whole = TASKS[spec.task].gather(self._outputs(split, own_loss), part.y)
        metrics = own_loss.into(measure(spec.task, whole, part.y, spec))
        own = self._measure_own(whole, part.y, metrics, epoch)
        # A name that the model has used stays the model's, also where its metrics fail later.
        self._own_names.update(own)
        metrics |= own
        more = report(spec.task, whole, part.y, self._monitor.metric, split == "test", spec)
        more = {name: value for name, value in more.items() if name not in self._own_names}
        if self._monitor.metric in more:
            metrics[self._monitor.metric] = more.pop(self._monitor.metric)
        return metrics, more, whole

    def evaluate_mirrored(self, outputs: Array, epoch: int) -> dict[str, float]:
        """The metrics of the test split with the average of `outputs` and those of the mirrored images; without a loss
        where that is the model's own, which is not one of outputs.
        """
        part, mirrored = self._data.test, []
        predict = self._trainable.predict_mirrored  # type: ignore[attr-defined]
        for rows in self._pieces(len(part)):
            mirrored.append(predict("test", rows))
            self._between()
        spec, average = self._data.spec, (outputs + np.concatenate(mirrored)) / 2
        found = measure(spec.task, average, part.y, spec)
        found |= self._measure_own(average, part.y, found, epoch)
        if has_own_loss(self._trainable):
            del found["loss"]
        return {f"mirrored_{name}": value for name, value in found.items()}

    def _outputs(self, split: SplitName, own_loss: Means) -> Iterator[Array]:
        """The outputs of a split, some rows at a time."""
        for rows in self._pieces(len(self._data.split(split))):
            found, losses = ask(self._trainable, split, rows)
            own_loss.add(losses, len(found))
            yield found
            self._between()

    def _pieces(self, rows: int) -> Iterator[slice]:
        """The rows of a split as `predict` is asked for them."""
        most = rows_at_once(self._trainable, self._data.spec)
        return (slice(first, min(first + most, rows)) for first in range(0, rows, most))

    def _measure_own(self, outputs: Array, targets: Array, known: dict[str, float], epoch: int) -> dict[str, float]:
        """The model's own metrics; {} when they fail, with a warning the first time."""
        if self._own is None:
            return {}
        try:
            return own_metrics(self._own, outputs, targets, known)
        except Exception as error:
            if not self._own_failed:
                self._own_failed = True
                reason = str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
                text = f"the model's own metrics failed after {epoch} epochs and are left out: {reason}"
                self._warn(clean_line(text, 300))
            return {}
