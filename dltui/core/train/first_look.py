"""A trial of a model's own code before training: its network, loss and metrics on a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line, suggest
from dltui.core.train.evaluation import ask
from dltui.core.train.metrics import measure, own_metrics

if TYPE_CHECKING:
    from dltui.core.contract import Data, Spec, Trainable
    from dltui.core.tasks.monitor import Monitor
    from dltui.core.train.metrics import OwnMetrics

ROWS = 3
"""The rows of the trial. Not the number of outputs, so that a wrong shape cannot pass for a right shape."""


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
