"""Random resized crops of training images: Szegedy et al. 2014, https://arxiv.org/abs/1409.4842.

A sample's four numbers are (top, left, height, width) of a rectangle in pixels of the stored image, drawn as
torchvision's RandomResizedCrop draws it. The rectangle is resized to the size that the model sees, bilinearly with
antialiasing, as Pillow resizes: each row and each column of the result is a weighted mean of rows and columns of the
rectangle. Frameworks compute what `apply` defines, with the few rows that have a part or with products of matrices; the
result is not rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dltui.core.train.augmentation.streams import generator

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

AREA = (0.08, 1.0)
"""The rectangle's share of the stored image, uniform between these."""
RATIO = (3 / 4, 4 / 3)
"""Width over height, log-uniform between these."""
TRIES = 10
"""A rectangle that does not fit is drawn again so often; after that it is the middle of the image."""


def is_on(kind: str) -> bool:
    """True if an option `augment` of this kind cuts crops."""
    return "crop" in kind


def draw(kind: str, seed: int, epoch: int, steps: int, batch: int, stored: tuple[int, ...]) -> Array | None:
    """The numbers of a whole epoch, int32 (steps, batch, 4), for images that are stored in this shape; None for a kind
    without crops."""
    if not is_on(kind):
        return None
    random, (height, width) = generator("crops", seed, epoch), stored[:2]
    places = random.random((2, steps * batch))
    sizes = np.tile(np.array(_middle(height, width)), (steps * batch, 1))
    left, found = np.arange(steps * batch), np.zeros(steps * batch, dtype=bool)
    for _ in range(TRIES):
        tried = _sizes(random, len(left), height * width)
        fits = (tried > 0).all(axis=1) & (tried <= (height, width)).all(axis=1)
        sizes[left[fits]], found[left[fits]] = tried[fits], True
        left = left[~fits]
    room = np.array([height, width]) - sizes
    corners = np.where(found[:, None], np.floor(places.T * (room + 1)), room // 2)
    return np.concatenate([corners, sizes], axis=1).astype(np.int32).reshape(steps, batch, 4)


def places(first: int, length: int, size: int) -> Array:
    """The row (or column) of a mask that each of `size` rows of a crop is taken from: the nearest one, so that classes
    are not mixed. In whole numbers, as all frameworks compute it.
    """
    found: Array = first + (2 * np.arange(size) + 1) * length // (2 * size)
    return found


def apply_to_masks(masks: Array, numbers: Array) -> Array:
    """The rectangles of masks (n, height, width), in their size: the reference for all frameworks."""
    _, height, width = masks.shape
    found = [
        mask[places(top, high, height)[:, None], places(left, wide, width)]
        for mask, (top, left, high, wide) in zip(masks, numbers.tolist(), strict=True)
    ]
    return np.stack(found)


def _sizes(random: np.random.Generator, count: int, pixels: int) -> Array:
    """Heights and widths (count, 2), of which some may not fit."""
    area, ratio = random.random((2, count))
    area = pixels * (AREA[0] + (AREA[1] - AREA[0]) * area)
    ratio = np.exp(np.log(RATIO[0]) + np.log(RATIO[1] / RATIO[0]) * ratio)
    return np.stack([np.rint(np.sqrt(area / ratio)), np.rint(np.sqrt(area * ratio))], axis=1).astype(np.int64)


def _middle(height: int, width: int) -> tuple[int, int]:
    """The height and width of the largest rectangle with one of the allowed ratios."""
    if width / height < RATIO[0]:
        return round(width / RATIO[0]), width
    if width / height > RATIO[1]:
        return height, round(height * RATIO[1])
    return height, width


def weights(first: Array, length: Array, size: int, stored: int) -> Array:
    """The part that each stored row has in each row of the result, float64 (n, size, stored): triangles around the
    places of the result, cut off at the ends of the rectangle. `first` and `length` are (n,)."""
    scale = length / size
    centers = first[:, None] + (np.arange(size) + 0.5) * scale[:, None]
    rows = np.arange(stored) + 0.5
    parts = 1 - np.abs(rows - centers[..., None]) / np.maximum(scale, 1)[:, None, None]
    inside = (rows > first[:, None]) & (rows < (first + length)[:, None])
    parts = np.where(inside[:, None, :], np.maximum(parts, 0), 0)
    result: Array = parts / parts.sum(axis=2, keepdims=True)
    return result


def apply(images: Array, numbers: Array, size: tuple[int, int]) -> Array:
    """The crops (n, *size, channels) of stored images (n, height, width, channels), float64: the definition that
    frameworks follow. `numbers` is int32 (n, 4)."""
    top, left, height, width = numbers.T
    rows = weights(top, height, size[0], images.shape[1])
    columns = weights(left, width, size[1], images.shape[2])
    result: Array = np.einsum("nsh,ntw,nhwc->nstc", rows, columns, images.astype(np.float64), optimize=True)
    return result
