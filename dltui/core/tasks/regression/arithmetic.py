"""The metrics of a regression, from predictions and targets (n, targets)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def measure(outputs: Array, targets: Array) -> dict[str, float]:
    """The mean squared error, which is also the loss."""
    error = float(np.mean(np.square(outputs.astype(np.float64) - targets)))
    return {"loss": error, "mse": error}


def report(outputs: Array, targets: Array, names: Collection[str]) -> dict[str, float]:
    """The other metrics with these names, as plain means over the targets."""
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
