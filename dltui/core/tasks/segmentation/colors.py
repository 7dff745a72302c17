"""The colors of classes in pictures of masks: those of the Pascal VOC masks, where class 0 is black."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.tasks.segmentation import IGNORED

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

VOID = (224, 224, 192)
"""The color of pixels that do not count."""
WRONG = (255, 0, 255)


@cache
def palette() -> Array:
    """The color of each value of a mask, uint8 (256, 3). The bits of a class number go in turns to red, green and blue,
    from the highest bit of the color down.
    """
    numbers = np.arange(256)
    colors = np.zeros((256, 3), dtype=np.int64)
    for turn in range(8):
        for channel in range(3):
            colors[:, channel] |= ((numbers >> (3 * turn + channel)) & 1) << (7 - turn)
    colors[IGNORED] = VOID
    found = colors.astype(np.uint8)
    found.setflags(write=False)
    return found


def colored(mask: Array) -> Array:
    """A mask as a picture, uint8 (height, width, 3)."""
    found: Array = palette()[mask]
    return found


def overlay(image: Array, mask: Array, share: float = 0.55) -> Array:
    """An image uint8 (height, width, channels) with the colors of its mask over it; class 0 leaves it as it is."""
    rgb = np.repeat(image[..., :1], 3, axis=2) if image.shape[2] < 3 else image[..., :3]
    mixed = np.rint((1 - share) * rgb + share * colored(mask)).astype(np.uint8)
    return np.where((mask == 0)[..., np.newaxis], rgb, mixed)


def differences(image: Array, mask: Array, said: Array) -> Array:
    """A dark gray image on which each wrong pixel has the color of its true class; one of class 0 that was taken for
    another is magenta.
    """
    gray = np.rint(image[..., :3].mean(axis=2, keepdims=True) * 0.4).astype(np.uint8)
    true = np.where((mask == 0)[..., np.newaxis], np.array(WRONG, np.uint8), colored(mask))
    wrong = (mask != said) & (mask != IGNORED)
    return np.where(wrong[..., np.newaxis], true, np.repeat(gray, 3, axis=2))
