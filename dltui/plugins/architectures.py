"""The common definition of twins in two frameworks: hyperparameters, defaults, layer sizes and initialization.

Kernels are drawn from U(-limit, limit), limit = sqrt(gain / fan_in): gain 6 (Kaiming uniform, He et al. 2015) where a
ReLU follows, gain 3 (unit variance, LeCun et al. 1998) at an output. Biases are 0; batch norm starts with gamma 1,
beta 0, moving mean 0, moving variance 1. fan_in is the number of inputs of one output value: kernel height times
width times input channels of a convolution.
"""

from __future__ import annotations

from copy import copy
from math import sqrt
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dltui.core.contract.config import OptimizerName, Schedule, TrainConfig, unit
from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract import Spec

NORM_EPSILON = 1e-5
NORM_MOMENTUM = 0.1
"""Share of the new batch in the moving statistics, as PyTorch counts it; Keras counts 1 - 0.1 = 0.9. The moving
variance is fed with the unbiased variance of the batch (n / (n - 1))."""

KERNEL = 5
"""LeNet's convolutions are 5x5: the first keeps the size (2 zeros on each side), the second does not pad."""
HEAD = (120, 84)
"""Widths of LeNet's two hidden dense layers."""
SMALLEST_IMAGE = 16
"""Images with a shorter side are scaled up (bilinear, half-pixel centers, no antialiasing) so that it has this size."""

Width = Annotated[int, Field(ge=1, le=65_536)]
Channels = Annotated[int, Field(ge=1, le=4_096)]


def override(name: str, default: Any) -> Any:
    """A field of TrainConfig with another default."""
    shared = copy(TrainConfig.model_fields[name])
    shared.default = default
    return shared


def dropout(what: str, default: float = 0.0) -> Any:
    return Field(default, ge=0, lt=1, description=f"share of {what} dropped in training", json_schema_extra=unit(""))


# The defaults were chosen on the validation split of Fashion-MNIST (54,000 images to train on), 10 epochs.


class LinearRegressionConfig(TrainConfig):
    """The hyperparameters of a dense layer with mean squared error."""

    epochs: int = override("epochs", 30)
    lr: float = override("lr", 0.05)
    batch_size: int = override("batch_size", 32)
    schedule: Schedule = override("schedule", "one-cycle")


class SoftmaxConfig(TrainConfig):
    """The hyperparameters of a dense layer with cross-entropy."""

    lr: float = override("lr", 0.05)
    schedule: Schedule = override("schedule", "one-cycle")


class MlpConfig(TrainConfig):
    """The hyperparameters of dense layers with ReLU between them and cross-entropy."""

    layers: list[Width] = Field(
        [784], min_length=1, max_length=64, description="widths of the hidden layers", json_schema_extra=unit("units")
    )
    dropout: float = dropout("hidden values")
    lr: float = override("lr", 0.003)
    optimizer: OptimizerName = override("optimizer", "adamw")
    weight_decay: float = override("weight_decay", 0.2)
    schedule: Schedule = override("schedule", "one-cycle")


class CnnConfig(TrainConfig):
    """The hyperparameters of LeNet's layout with batch norm and ReLU, and cross-entropy."""

    channels: list[Channels] = Field(
        [16, 32],
        min_length=2,
        max_length=2,
        description="outputs of the two convolutions",
        json_schema_extra=unit("channels"),
    )
    dropout: float = dropout("dense hidden values")
    lr: float = override("lr", 0.1)
    batch_size: int = override("batch_size", 128)
    weight_decay: float = override("weight_decay", 5e-4)
    schedule: Schedule = override("schedule", "one-cycle")


def kernel_limit(fan_in: int, relu: bool) -> float:
    """The limit of the initial kernels, which are uniform in (-limit, limit)."""
    return sqrt((6.0 if relu else 3.0) / fan_in)


def features(spec: Spec) -> int:
    """The number of values of a flattened sample."""
    count = 1
    for size in spec.input_shape:
        count *= size
    return count


def working_size(spec: Spec) -> tuple[int, int]:
    """The height and width that the CNN works at: the image's own unless a side is too short."""
    if not spec.is_image:
        raise RunError(f"the CNN needs images (height, width, channels), this dataset has shape {spec.input_shape}")
    height, width, _ = spec.input_shape
    scale = max(1.0, SMALLEST_IMAGE / min(height, width))
    return round(height * scale), round(width * scale)


def pooled_size(size: tuple[int, int]) -> tuple[int, int]:
    """The height and width after LeNet's convolutions and poolings (each pooling rounds down)."""
    height, width = ((side // 2 - KERNEL + 1) // 2 for side in size)
    return height, width
