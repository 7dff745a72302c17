"""Outputs and metrics of whole splits, and a trial of a model's own code before training."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line, suggest
from dltui.core.train.metrics import measure, own_metrics

if TYPE_CHECKING:
    from dltui.core.contract import Data, Spec, Trainable
    from dltui.core.contract.types import Array, SplitName
    from dltui.core.tasks.monitor import Monitor
    from dltui.core.train.metrics import OwnMetrics

PREDICT_ROWS = 500
"""Rows of one `predict` call. Fixed, because the last bits of a matrix product can depend on the number of rows."""
MOST_NUMBERS = 1 << 22
"""The numbers that go into one `predict` call: a network for photos makes some hundred times as many of them, which
would need more memory than a step of training.
"""
MOST_OUTPUTS = 1 << 23
"""The numbers that come out of one where a sample has many, as for each pixel."""
ROWS = 3
"""The rows of the trial evaluation. Not the number of outputs, so that a wrong shape cannot pass for a right shape."""


def rows_at_once(trainable: Trainable, spec: Spec) -> int:
    """The rows of one `predict` call: as the trainable says, else fewer where samples are large; fewer, too, where
    their outputs are large. One that divides them among devices gets so many for each.
    """
    shapes = [one.shape for one in spec.named_inputs] or [spec.input_shape]
    fitting = max(1, min(PREDICT_ROWS, MOST_NUMBERS // max(1, sum(map(prod, shapes)))))
    most: int = getattr(trainable, "predict_rows", fitting)
    shape = TASKS[spec.task].output_shape(spec)
    each = most if len(shape) == 1 else max(1, min(most, MOST_OUTPUTS // prod(shape)))
    return each * int(getattr(trainable, "at_once", 1))


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


def look(trainable: Trainable, data: Data, metrics: OwnMetrics | None, monitor: Monitor) -> list[str]:
    """Call the network and the model's own loss and metrics once, and return remarks for the user, a line each. Raises
    RunError.

    Raises RunError for what would end the run later, or let it train on nonsense.
    """
    spec = data.spec
    count = min(ROWS + (spec.outputs == ROWS), len(data.train))
    outputs, losses = ask(trainable, "train", slice(0, count))
    _check_outputs(outputs, count, spec)
    for name, loss in losses.items():
        if not np.isfinite(loss):
            what = f"{loss}" if name == "loss" else f"{loss} as the loss {name}"
            raise RunError(f"training_loss gives {what} before anything is trained; look at its arithmetic")
    known = measure(spec.task, outputs, np.asarray(data.train.y[:count]), spec) | losses
    if metrics is not None and len(TASKS[spec.task].output_shape(spec)) > 1:
        raise RunError(f"Model.metrics takes all outputs at once, which are too large for {spec.task}; leave it out")
    if metrics is not None:
        # Made-up outputs of the whole split: a metric may need every class, and the network is not asked for it.
        made_up = np.random.default_rng(0).standard_normal((len(data.validation), spec.outputs), dtype=np.float32)
        try:
            known = known | own_metrics(metrics, made_up, np.asarray(data.validation.y), known)
        except RunError:
            raise
        except Exception as error:
            raise RunError(f"Model.metrics failed: {clean_line(f'{type(error).__name__}: {error}', 200)}") from error
    names = dict.fromkeys([*known, *TASKS[spec.task].names])
    if monitor.metric not in names:
        hint = suggest(monitor.metric, names)
        given = f"the monitor asks for {monitor.metric}, but an evaluation gives {', '.join(names)}"
        raise RunError(f"{given}; {hint}" if hint else given)
    remark = TASKS[spec.task].arithmetic.remark(outputs)
    return [remark] if remark else []


def _check_outputs(outputs: Any, count: int, spec: Spec) -> None:
    shape = (count, *TASKS[spec.task].output_shape(spec))
    each = "a pixel" if len(shape) > 2 else "a sample"
    wanted = f"float32 {shape} for {count} samples: spec.outputs numbers {each}"
    if not isinstance(outputs, np.ndarray) or outputs.shape != shape or outputs.dtype != np.float32:
        given = f"{outputs.dtype} {outputs.shape}" if isinstance(outputs, np.ndarray) else type(outputs).__name__
        raise RunError(f"the network gives {given}, wanted is {wanted}")
    if not np.isfinite(outputs).all():
        raise RunError("the network gives NaN or infinity before anything is trained; look at its arithmetic")
