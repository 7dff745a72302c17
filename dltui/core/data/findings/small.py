"""Images reduced to few pixels, on which near duplicates and odd images are looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.tasks.numbers import chunks

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SIDE = 32
"""The longest side in pixels of reduced images: a shift by a pixel of a large one then changes nothing."""


def reduced(parts: Sequence[Array]) -> Array:
    """The images (n, height, width, channels) of all parts, one after the other, with means of blocks of pixels."""
    first = parts[0]
    block = max(1, -(-max(first.shape[1:3]) // SIDE))
    height, width = (max(1, side // block) for side in first.shape[1:3])
    found = np.empty((sum(map(len, parts)), height, width, first.shape[3]), dtype=np.uint8)
    place = 0
    for part in parts:
        for rows in chunks(part):
            some = part[rows]
            found[place : place + len(some)] = some if block == 1 else _means(some, block, height, width)
            place += len(some)
    return found


def _means(images: Array, block: int, height: int, width: int) -> Array:
    cut = images[:, : height * block, : width * block]
    blocks = cut.reshape(len(cut), height, -1, width, cut.shape[2] // width, cut.shape[3])
    means: Array = np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)
    return means


def gray(images: Array) -> Array:
    """The mean of the channels, float32 (n, height, width)."""
    return images.mean(axis=-1, dtype=np.float32) if images.shape[-1] > 1 else images[..., 0].astype(np.float32)
