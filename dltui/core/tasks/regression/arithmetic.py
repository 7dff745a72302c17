"""The arithmetic of regression, with predictions and targets (n, targets)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.numbers import floats
from dltui.core.tasks.regression.scaling import in_full, standardized

if TYPE_CHECKING:
    from dltui.core.contract import Spec, Split
    from dltui.core.contract.types import Array


def measure(outputs: Array, targets: Array, spec: Spec | None = None) -> dict[str, float]:
    """The mean squared error, which is also the loss. Targets with scales count in deviations."""
    outputs, targets = standardized(outputs, spec), standardized(targets, spec)
    error = float(np.mean(np.square(outputs.astype(np.float64) - targets)))
    return {"loss": error, "mse": error}


def report(outputs: Array, targets: Array, names: Collection[str], spec: Spec | None = None) -> dict[str, float]:
    """The other metrics with these names, as plain means over the targets."""
    outputs, targets = standardized(outputs, spec), standardized(targets, spec)
    found = {"mae": mae, "r2": r2}
    return {name: float(np.mean(found[name](outputs, targets))) for name in found if name in names}


def mae(outputs: Array, targets: Array) -> Array:
    """The mean absolute error of each target, float64 (targets,)."""
    errors: Array = np.mean(np.abs(outputs.astype(np.float64) - targets), axis=0)
    return errors


def r2(outputs: Array, targets: Array) -> Array:
    """The coefficient of determination of each target, float64 (targets,). Of a constant target it is 1 where it is
    met, else 0.
    """
    y = np.asarray(targets, dtype=np.float64)
    left = np.sum(np.square(outputs - y), axis=0)
    whole = np.sum(np.square(y - np.mean(y, axis=0)), axis=0)
    found: Array = np.where(whole > 0, 1 - left / np.where(whole > 0, whole, 1.0), np.where(left > 0, 0.0, 1.0))
    return found


def checked(part: str, y: Array, classes: Sequence[str]) -> Array:
    """The targets as float32 (n, targets)."""
    return floats(part, "targets", y)


def check_train(y: Array, others: Array, classes: Sequence[str]) -> list[str]:
    """Raise RunError if the parts have other numbers of targets."""
    if y.shape[1:] != others.shape[1:]:
        raise RunError(f"train targets have shape {y.shape[1:]}, test targets {others.shape[1:]}")
    return []


def empty(rows: int, spec: Spec) -> Array:
    """Zeros."""
    return np.zeros((rows, spec.outputs), np.float32)


def predictions(outputs: Array, split: Split, spec: Spec | None = None) -> dict[str, Array]:
    """`x` as the model gets it, `y` and `prediction` float32, or float64 with their offsets where there are some;
    without images, which are large and lie on no line, `x` is (n, 0) then.
    """
    x = np.asarray(split.x) if split.x.ndim == 2 else np.zeros((len(split.y), 0), np.float32)
    y, prediction = np.asarray(split.y), outputs.astype(np.float32)
    return {"x": x, "y": in_full(y, spec), "prediction": in_full(prediction, spec)}


def answers(outputs: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The numbers of each sample."""
    return [{"outputs": row.tolist()} for row in outputs]


def remark(outputs: Array) -> str:
    """Nothing: any number may be right."""
    return ""
