"""The steps of an optimizer in the state of a run that froze other layers. Imports no framework."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.contract.types import State

LATE_STEP, STEP = "optimizer/late_step", "optimizer/step"
"""The names of the steps of layers that are frozen at first, and of those of all others."""
ITERATION = "/iteration"
"""The end of the name of the steps of an optimizer of Keras."""
SQUARES = ("/exp_avg_sq", "_velocity")
"""The ends of the names of what an optimizer divides by, corrected for its number of steps: zeros that count as many
steps are not, and make its first updates several times as large as the learning rate.
"""
ANEW = "the optimizer begins anew: the checkpoint does not tell the steps of all layers that are trained here"


def late_steps(state: State, own: Collection[str]) -> State:
    """The optimizer's state of a run that froze other layers, or none, as this one has it: with steps of its own for
    the layers that are frozen at first, or without. `own` are the names in the state of this run.
    """
    if LATE_STEP not in own:
        return {name: array for name, array in state.items() if name != LATE_STEP}
    others = (name for name in own if name.startswith("optimizer/") and name != LATE_STEP)
    # Layers that were never trained have no moments, and no steps.
    return {LATE_STEP: state[STEP], **state} if STEP in state and all(name in state for name in others) else state


def counts_differ(state: State, own: Collection[str], late: Collection[str]) -> bool:
    """True if this run trains weights whose steps are not those that the state, as a checkpoint has it, counts for
    them. `own` are the names in the state of this run, `late` the weights that are frozen at first.
    """
    squares = [name for name in own if name.startswith("optimizer/") and name.endswith(SQUARES)]
    counts = {name: int(array) for name, array in state.items() if _counts_steps(name)}
    late_count = counts.pop(LATE_STEP, 0)
    is_late = [name.removeprefix("optimizer/").rpartition("/")[0] in late for name in squares if name not in state]
    if (any(counts.values()) and not all(is_late)) or (late_count > 0 and any(is_late)):
        return True
    if not squares or LATE_STEP in own or LATE_STEP not in state or late_count == counts.get(STEP):
        return False
    # Which layers were late, a checkpoint does not tell; before their first step they have zeros.
    return late_count > 0 or any(not state[name].any() for name in squares if name in state)


def _counts_steps(name: str) -> bool:
    return name in (STEP, LATE_STEP) or (name.startswith("optimizer/") and name.endswith(ITERATION))
