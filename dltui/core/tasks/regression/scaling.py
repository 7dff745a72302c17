"""Targets on a common scale: what a network learns, and its outputs in the targets' own units again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.types import Array


def scales(spec: Spec | None) -> tuple[Array, Array] | None:
    """The mean and deviation of each target, float64; None for data without scales."""
    if spec is None or all((target.mean, target.std) == (0.0, 1.0) for target in spec.targets):
        return None
    return np.array([target.mean for target in spec.targets]), np.array([target.std for target in spec.targets])


def standardized(y: Array, spec: Spec | None) -> Array:
    """Targets as they are learned, (y - mean) / std; the same array for data without scales."""
    known = scales(spec)
    if known is None:
        return y
    mean, std = known
    found: Array = ((np.asarray(y, dtype=np.float64) - mean) / std).astype(np.float32)
    return found


def own_units(outputs: Array, spec: Spec) -> Array:
    """The outputs of a network in the units of stored targets; the same array for data without scales."""
    known = scales(spec)
    if known is None:
        return outputs
    mean, std = known
    found: Array = (outputs.astype(np.float64) * std + mean).astype(np.float32)
    return found


def in_full(y: Array, spec: Spec | None) -> Array:
    """Targets or outputs (n, targets) with the offset of each target, float64; the same array where there is none."""
    if spec is None or not any(target.offset for target in spec.targets):
        return y
    found: Array = np.asarray(y, dtype=np.float64) + [target.offset for target in spec.targets]
    return found
