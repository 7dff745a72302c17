"""The common definition of the U-Nets of both frameworks: hyperparameters, and the layers that are built.

Ronneberger et al. 2015, with batch norm and images that keep their size: on each level two convolutions, of which a
pooling leads down to the next, with half the height and width and twice the channels. On the way up the nearest pixels
are doubled, and the level's own result is put beside them. Sizes that cannot be halved are rounded up and cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from dltui.core.contract.config import OptimizerName, Schedule, TrainConfig, unit
from dltui.core.errors import RunError
from dltui.plugins.architectures import override

if TYPE_CHECKING:
    from dltui.core.contract import Spec

FILTER = 3


class UnetConfig(TrainConfig):
    """The hyperparameters of a U-Net with 486,000 parameters for gray images."""

    width: int = Field(
        16, ge=1, le=512, description="channels of the first level; each other has twice as many",
        json_schema_extra=unit("channels"),
    )  # fmt: skip
    depth: int = Field(3, ge=1, le=6, description="poolings on the way down", json_schema_extra=unit("levels"))
    batch_size: int = override("batch_size", 16)
    optimizer: OptimizerName = override("optimizer", "adamw")
    lr: float = override("lr", 0.003)
    weight_decay: float = override("weight_decay", 0.01)
    schedule: Schedule = override("schedule", "one-cycle")


class Level(NamedTuple):
    """Two convolutions of a level, on the way down or up: the names of their layers begin with `name`."""

    name: str
    inputs: int
    outputs: int


def down(config: UnetConfig, spec: Spec) -> list[Level]:
    """The levels on the way down; the last is the bottom. Raises RunError for data without images, and for a bottom of
    one pixel where a batch is computed in parts of one sample: in training batch norm leaves nothing of one value.
    """
    if not spec.is_image:
        raise RunError(f"the U-Net needs images (height, width, channels), this dataset has shape {spec.input_shape}")
    side = max(spec.input_shape[:2])
    if side <= 2**config.depth and config.batch_size // config.accumulate < 2:
        raise _too_deep(config.depth, side)
    widths = [config.width << level for level in range(config.depth + 1)]
    inputs = [spec.input_shape[2], *widths]
    return [Level(f"down{n}_", *pair) for n, pair in enumerate(zip(inputs, widths, strict=False), start=1)]


def _too_deep(depth: int, side: int) -> RunError:
    deepest = (side - 1).bit_length() - 1
    less = f"depth {deepest}, or " if deepest > 0 else ""
    line = f"depth {depth} leaves one pixel of {side}, of a single sample, and batch norm needs two values; take {less}"
    line += "a batch_size of twice accumulate or more"
    return RunError(line, {"depth": deepest} if deepest > 0 else {})


def up(config: UnetConfig) -> list[Level]:
    """The levels on the way up, from the one above the bottom: each takes what comes up and its own on the way down."""
    widths = [config.width << level for level in range(config.depth + 1)]
    return [Level(f"up{n}_", widths[n] + widths[n - 1], widths[n - 1]) for n in range(config.depth, 0, -1)]
