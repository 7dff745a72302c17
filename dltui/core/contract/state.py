"""Names the parts of a trainable's state by the prefixes of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.contract.types import State

WEIGHTS = "weights/"
AVERAGE = "average/"
"""Averages of the weights, under the same names; `average/steps` counts how many steps they have seen."""
AVERAGE_STEPS = "average/steps"
SCALE, STREAK = "optimizer/loss_scale", "optimizer/loss_scale_streak"
"""The factor on the loss in precision fp16, and the steps since it last changed."""
PARTS = ("weights", "average", "optimizer", "rng")


def all_weights(state: State) -> State:
    """The part of the state that evaluating needs: the weights, and their averages if there are some."""
    return {name: array for name, array in state.items() if name.startswith((WEIGHTS, AVERAGE))}


def best_weights(state: State) -> State:
    """The weights that are evaluated and exported, under `weights/`: their averages where there are some."""
    weights = {name: array for name, array in state.items() if name.startswith(WEIGHTS)}
    averages = {name.removeprefix(AVERAGE): array for name, array in state.items() if name.startswith(AVERAGE)}
    return {name: averages.get(name.removeprefix(WEIGHTS), array) for name, array in weights.items()}
