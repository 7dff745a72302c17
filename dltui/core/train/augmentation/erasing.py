"""Rectangles of training images that are erased: random erasing, Zhong et al. 2017, https://arxiv.org/abs/1708.04896.

A sample's four numbers are (top, left, height, width) of the rectangle in pixels; a height of 0 erases nothing. What is
erased gets the mean of each channel, which is 0 after normalization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dltui.core.train.augmentation.streams import generator

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

AREA = (0.02, 0.33)
"""The rectangle's share of the image, uniform between these."""
RATIO = (0.3, 3.3)
"""Height over width, log-uniform between these, as in torchvision's RandomErasing."""


def draw(share: float, seed: int, epoch: int, steps: int, batch: int, shape: tuple[int, ...]) -> Array | None:
    """The numbers of a whole epoch, int32 (steps, batch, 4); None for share 0. A rectangle that would not fit is as
    high or wide as the image."""
    if not share:
        return None
    height, width = shape[:2]
    area, ratio, top, left, chance = generator("erasing", seed, epoch).random((5, steps, batch))
    area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * area)
    ratio = np.exp(np.log(RATIO[0]) + np.log(RATIO[1] / RATIO[0]) * ratio)
    high = np.clip(np.rint(np.sqrt(area * ratio)), 1, height)
    wide = np.clip(np.rint(np.sqrt(area / ratio)), 1, width)
    top, left = np.floor(top * (height - high + 1)), np.floor(left * (width - wide + 1))
    numbers = np.stack([top, left, high, wide], axis=-1).astype(np.int32)
    numbers[chance >= share] = 0
    return numbers


def apply(normalized: Array, numbers: Array) -> Array:
    """Normalized images (n, height, width, channels) with their rectangles set to 0: the definition that frameworks
    follow. `numbers` is int32 (n, 4)."""
    result = normalized.copy()
    for image, (top, left, height, width) in zip(result, numbers.tolist(), strict=True):
        image[top : top + height, left : left + width] = 0
    return result
