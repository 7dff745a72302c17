"""Disks, squares and triangles with their masks: a segmentation whose best mean IoU is 1, without any file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions, unit

if TYPE_CHECKING:
    import numpy as np

    from dltui.core.contract.types import Array

CLASSES = ("background", "disk", "square", "triangle")
TRAIN_PART = 0.8
IMAGES, SIDE = 1_000, 32
CELLS = 2
"""Each image has so many places for a shape in a row and in a column: shapes never hide one another."""
FILLED = 0.7
CONTRAST = 70


class ShapesOptions(DatasetOptions):
    """The options of the shapes."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="of the shapes and their noise", json_schema_extra=unit(""))
    n: int = Field(
        IMAGES, ge=10, le=200_000, description="images, a fifth of them for testing", json_schema_extra=unit("images")
    )
    size: int = Field(SIDE, ge=24, le=512, description="side of the images", json_schema_extra=unit("px"))
    noise: float = Field(10.0, ge=0, le=255, description="standard deviation of the noise, of 255 gray levels",
                         json_schema_extra=unit(""))  # fmt: skip


def prepare(options: ShapesOptions, context: PreparationContext) -> Arrays:
    import numpy as np

    random = np.random.Generator(np.random.Philox(key=options.seed))
    x = np.empty((options.n, options.size, options.size, 3), np.uint8)
    y = np.zeros((options.n, options.size, options.size), np.uint8)
    for number in range(options.n):
        _draw(random, x[number], y[number], options.noise)
        if number % 200 == 0:
            context.progress(f"drawing {options.n:,} images", number / options.n)
    train = int(options.n * TRAIN_PART)
    return Arrays((x[:train], y[:train]), (x[train:], y[train:]), CLASSES)


def _draw(random: np.random.Generator, image: Array, mask: Array, noise: float) -> None:
    """Draw a background and shapes of colors that tell nothing of their class."""
    import numpy as np

    size = len(mask)
    ground = random.uniform(0, 255, 3)
    colors = np.broadcast_to(ground, image.shape).copy()
    edges = np.linspace(0, size, CELLS + 1).round().astype(int)
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            kind, wanted = int(random.integers(1, len(CLASSES))), random.random() < FILLED
            inside = _shape(random, kind, int(bottom - top), int(right - left))
            # Away from the color behind it, whichever that is.
            color = (ground + random.uniform(CONTRAST, 255 - CONTRAST, 3)) % 255
            if wanted:
                colors[top:bottom, left:right][inside] = color
                mask[top:bottom, left:right][inside] = kind
    colors += noise * random.standard_normal(colors.shape)
    image[:] = np.clip(np.rint(colors), 0, 255).astype(np.uint8)


def _shape(random: np.random.Generator, kind: int, height: int, width: int) -> Array:
    """The pixels inside of a shape that lies anywhere in a cell."""
    import numpy as np

    least = min(height, width)
    radius = random.uniform(0.3, 0.46) * least
    y, x = (random.uniform(radius, side - 1 - radius) if side - 1 > 2 * radius else (side - 1) / 2
            for side in (height, width))  # fmt: skip
    down, right = np.arange(height)[:, None] - y, np.arange(width)[None, :] - x
    inside: Array = np.maximum(abs(down), abs(right)) <= radius
    if CLASSES[kind] == "disk":
        inside = down**2 + right**2 <= radius**2
    elif CLASSES[kind] == "triangle":
        inside = (down <= radius) & (2 * abs(right) <= down + radius)
    return inside


def sources(options: ShapesOptions, folders: Sequence[Path]) -> None:
    return None


DATASET = Dataset(
    name="shapes",
    task="segmentation",
    summary="disks, squares and triangles with their masks",
    options=ShapesOptions,
    prepare=prepare,
    sources=sources,
    input_shape=(SIDE, SIDE, 3),
    classes=len(CLASSES),
    train_size=int(IMAGES * TRAIN_PART),
    test_size=IMAGES - int(IMAGES * TRAIN_PART),
)
