"""The model under test, and the exception by which a check reports a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.checks.conformance import samples

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Data, Model, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array, State

BATCH = 32


class CheckFailed(Exception):
    """A problem of the model and what to do about it, in one line."""


@dataclass(frozen=True)
class Subject:
    """A model with the backend of its framework."""

    model: Model
    backend: Backend

    def config(self, **values: Any) -> TrainConfig:
        """The model's defaults with small batches, updated with these values."""
        config: TrainConfig = self.model.config.model_validate({"batch_size": BATCH, **values})
        return config

    def data(self) -> Data:
        return samples.make(self.model.task, *samples.SHAPES[self.model.task][0])

    def trainable(self, data: Data, config: TrainConfig) -> Trainable:
        return self.backend.trainable(self.model, config, data, "cpu")


def expect(holds: bool, text: str) -> None:
    """Raise CheckFailed with the message unless the condition holds."""
    if not holds:
        raise CheckFailed(text)


def difference(one: Mapping[str, Array], other: Mapping[str, Array]) -> str:
    """A description of the first difference between two states; "" where they are equal to the last bit."""
    odd = sorted(set(one) ^ set(other))
    if odd:
        return f"{odd[0]} is only in one of both"
    for name in one:
        if not np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f"):
            return f"{name} differs"
    return ""


def weights(state: State) -> State:
    return {name: array for name, array in state.items() if name.startswith("weights/")}
