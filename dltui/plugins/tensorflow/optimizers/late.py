"""The steps of layers that are frozen at first, in the state of a run that froze others. Imports no framework."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.contract.types import State

LATE_STEP, STEP = "optimizer/late_step", "optimizer/step"
"""The names of the steps of layers that are frozen at first, and of those of all others."""


def late_steps(state: State, own: Collection[str]) -> State:
    """The optimizer's state of a run that froze other layers, or none, as this one has it: with steps of its own for
    the layers that are frozen at first, or without. `own` are the names in the state of this run.
    """
    if LATE_STEP not in own:
        return {name: array for name, array in state.items() if name != LATE_STEP}
    others = (name for name in own if name.startswith("optimizer/") and name != LATE_STEP)
    # Layers that were never trained have no moments, and no steps.
    return {LATE_STEP: state[STEP], **state} if STEP in state and all(name in state for name in others) else state
