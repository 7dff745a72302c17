"""Brightness, contrast and saturation of training images, changed by factors that core draws.

A sample's three factors are (brightness, contrast, saturation). In this order, on the stored values as float32: the
image is multiplied with the first; its distance from its mean gray is multiplied with the second; with three channels
the distance of each pixel from its own gray is multiplied with the third. After each the values are clipped to 0..255.
Gray is 0.2989 red + 0.587 green + 0.114 blue (ITU-R BT.601), or the mean of other numbers of channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dltui.core.train.augmentation.streams import generator

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

GRAY = (0.2989, 0.587, 0.114)


def draw(strength: float, seed: int, epoch: int, steps: int, batch: int) -> Array | None:
    """The factors of a whole epoch, float32 (steps, batch, 3), each uniform in 1 - strength to 1 + strength; None for
    strength 0."""
    if not strength:
        return None
    factors = generator("color", seed, epoch).random((steps, batch, 3), dtype=np.float32)
    return (1 + np.float32(strength) * (2 * factors - 1)).astype(np.float32)


def apply(images: Array, factors: Array) -> Array:
    """Images (n, height, width, channels) with values from 0 to 255, as float32, or float64 where they are: the
    definition that frameworks follow. `factors` is float32 (n, 3)."""
    kind = np.result_type(images.dtype, np.float32) if images.dtype.kind == "f" else np.dtype(np.float32)
    brightness, contrast, saturation = np.asarray(factors, dtype=kind).T[..., None, None, None]
    changed = np.clip(images.astype(kind) * brightness, 0, 255)
    mean = gray(changed).mean(axis=(1, 2), keepdims=True)
    changed = np.clip(mean + contrast * (changed - mean), 0, 255)
    if images.shape[-1] == len(GRAY):
        own = gray(changed)
        changed = np.clip(own + saturation * (changed - own), 0, 255)
    return np.asarray(changed)


def gray(images: Array) -> Array:
    """The gray of images, floating (n, height, width, 1)."""
    channels = images.shape[-1]
    parts = GRAY if channels == len(GRAY) else (1 / channels,) * channels
    result: Array = (images @ np.asarray(parts, dtype=images.dtype))[..., None]
    return result
