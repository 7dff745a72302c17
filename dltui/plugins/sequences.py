"""The common definition of the twins for sequences: hyperparameters, sizes, and the input that they take."""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

from pydantic import Field

from dltui.core.contract.config import OptimizerName, Schedule, TrainConfig, unit
from dltui.core.errors import RunError
from dltui.plugins.architectures import dropout, override

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.inputs import Input
    from dltui.core.contract.types import Array

EPSILON = 1e-5
"""Of layer norm, in both frameworks."""
FORGET = 1.0
"""The initial bias of an LSTM's forget gate: at first it remembers (Jozefowicz et al. 2015)."""
WIDER = 4
"""By how much the dense layers of a transformer's block are wider than its steps."""
LONGEST_PERIOD = 10_000.0


class LstmConfig(TrainConfig):
    """The hyperparameters of an LSTM whose last output is classified."""

    hidden: int = Field(128, ge=1, le=8192, description="values that it remembers", json_schema_extra=unit("units"))
    depth: int = Field(1, ge=1, le=16, description="LSTMs on top of each other", json_schema_extra=unit("layers"))
    embedding: int = Field(
        64, ge=1, le=4096, description="numbers that a token becomes", json_schema_extra=unit("units")
    )
    dropout: float = dropout("values between the layers")
    epochs: int = override("epochs", 20)
    batch_size: int = override("batch_size", 64)
    lr: float = override("lr", 0.003)
    optimizer: OptimizerName = override("optimizer", "adamw")
    weight_decay: float = override("weight_decay", 0.01)
    schedule: Schedule = override("schedule", "one-cycle")
    clip_norm: float = override("clip_norm", 1.0)


class TransformerConfig(TrainConfig):
    """The hyperparameters of a transformer whose outputs are averaged and classified."""

    heads: int = Field(4, ge=1, le=256, description="attention heads", json_schema_extra=unit("heads"))
    head_size: int = Field(16, ge=1, le=512, description="numbers of a step in a head", json_schema_extra=unit("units"))
    depth: int = Field(2, ge=1, le=64, description="blocks on top of each other", json_schema_extra=unit("blocks"))
    dropout: float = dropout("values in the blocks", 0.1)
    epochs: int = override("epochs", 20)
    batch_size: int = override("batch_size", 64)
    lr: float = override("lr", 0.001)
    optimizer: OptimizerName = override("optimizer", "adamw")
    weight_decay: float = override("weight_decay", 0.01)
    schedule: Schedule = override("schedule", "one-cycle")
    clip_norm: float = override("clip_norm", 1.0)

    @property
    def width(self) -> int:
        """The numbers of a step."""
        return self.heads * self.head_size


def sequence(spec: Spec) -> Input:
    """The sequence that a model is built for. Raises RunError where the data has none, one of another form,
    or other inputs beside it."""
    found = [one for one in spec.named_inputs if one.is_sequence]
    if len(found) != 1 or len(spec.named_inputs) != 1:
        names = ", ".join(one.name for one in spec.named_inputs) or f"samples of shape {spec.input_shape}"
        raise RunError(f"this network takes a single sequence, the data has {names}")
    one = found[0]
    if not one.features and not (one.dtype == "int32" and len(one.shape) == 1):
        told = f"{one.name} is {one.dtype} {one.shape}"
        raise RunError(f"this network takes tokens int32 (steps,) or numbers float32 (steps, features), {told}")
    return one


def positions(steps: int, width: int) -> Array:
    """The waves (steps, width) that tell a transformer where a step is: sines, then cosines (Vaswani et al. 2017)."""
    import numpy as np

    half = (width + 1) // 2
    rates = np.exp(-log(LONGEST_PERIOD) * np.arange(half) / half)
    angles = np.arange(steps)[:, None] * rates
    waves: Array = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width]
    return waves


def recurrent_limit(hidden: int) -> float:
    """The limit of an LSTM's initial kernels, which are uniform in (-limit, limit)."""
    return 1 / sqrt(hidden)
