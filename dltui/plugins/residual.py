"""The common definition of the small residual networks: hyperparameters, and the layers that both frameworks build.

Three stages, each at half the height and width of the one before: a convolution to more channels, then residual blocks
of two convolutions (He et al. 2016). Norm and ReLU follow every convolution. A block adds its input after its last
ReLU, and keeps the number of channels, so that it needs no convolution beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from dltui.core.contract.config import Schedule, TrainConfig, unit
from dltui.plugins.architectures import Channels, override, working_size

if TYPE_CHECKING:
    from dltui.core.contract import Spec

Kind = Literal["resize", "conv", "norm", "relu", "add", "pool", "mean", "dense"]
Stages = Annotated[list[Channels], Field(min_length=3, max_length=3)]
FILTER = 3
"""Height and width of the filters, with zeros around the image so that it keeps its size."""


class Row(NamedTuple):
    """A layer, whose input is the output of the one before; an `add` adds the input of its block."""

    name: str
    kind: Kind
    inputs: int = 0
    outputs: int = 0

    @property
    def in_block(self) -> bool:
        return self.name.startswith("block")


# benchmarks/recipes.md says what was tried. Mirrored images are no default: digits and letters have sides.


class CnnSmallConfig(TrainConfig):
    """The hyperparameters of a residual network with 97,000 parameters for gray images."""

    channels: Stages = Field(
        [16, 32, 54], description="outputs of the convolutions of each stage", json_schema_extra=unit("channels")
    )
    blocks: int = Field(1, ge=0, le=64, description="residual blocks of each stage", json_schema_extra=unit("blocks"))
    batch_size: int = override("batch_size", 128)
    nesterov: bool = override("nesterov", True)
    weight_decay: float = override("weight_decay", 5e-4)
    ema: float = override("ema", 0.999)
    label_smoothing: float = override("label_smoothing", 0.1)
    schedule: Schedule = override("schedule", "one-cycle")


class ResNetConfig(CnnSmallConfig):
    """The hyperparameters of a residual network with 870,000 parameters for gray images."""

    channels: Stages = Field(
        [32, 64, 128], description="outputs of the convolutions of each stage", json_schema_extra=unit("channels")
    )
    blocks: int = Field(2, ge=0, le=64, description="residual blocks of each stage", json_schema_extra=unit("blocks"))


def rows(config: CnnSmallConfig, spec: Spec) -> Iterator[Row]:
    """The layers in forward order."""
    size = working_size(spec)
    if size != spec.input_shape[:2]:
        yield Row("resize", "resize")
    width = spec.input_shape[2]
    for stage, wider in enumerate(config.channels, start=1):
        if stage > 1:
            yield Row(f"pool{stage - 1}", "pool")
        yield from _convolution("", stage, width, wider)
        width = wider
        for block in range(1, config.blocks + 1):
            name = f"block{(stage - 1) * config.blocks + block}_"
            for number in (1, 2):
                yield from _convolution(name, number, width, width)
            yield Row(f"{name}add", "add")
    yield Row("mean", "mean")
    yield Row("output", "dense", width, spec.outputs)


def _convolution(prefix: str, number: int, inputs: int, outputs: int) -> Iterator[Row]:
    yield Row(f"{prefix}conv{number}", "conv", inputs, outputs)
    yield Row(f"{prefix}norm{number}", "norm", outputs, outputs)
    yield Row(f"{prefix}relu{number}", "relu")
