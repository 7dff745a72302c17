"""Changes training samples on the device by the numbers that core draws; `core.train.augmentation` defines how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train.augmentation import crops, geometry
from dltui.core.train.augmentation.color import GRAY

if TYPE_CHECKING:
    from dltui.core.contract import EpochPlan, Spec
    from dltui.core.contract.config import TrainConfig


class Augmentation:
    """The numbers of a plan as variables, and what they do to the samples of its steps; a part of a graph."""

    def __init__(self, config: TrainConfig, batch: int, spec: Spec) -> None:
        self._size = spec.input_shape[:2] if spec.is_image else ()
        wanted = {
            "crops": (crops.is_on(config.augment), np.int32, (batch, 4)),
            "augmentation": (geometry.is_on(config.augment), np.int32, (batch, 3)),
            "color": (config.color > 0, np.float32, (batch, 3)),
            "erasing": (config.erase > 0, np.int32, (batch, 4)),
            "partners": (config.mixup > 0 or config.cutmix > 0, np.int32, (batch,)),
            "shares": (config.mixup > 0 or config.cutmix > 0, np.float32, ()),
            "boxes": (config.mixup > 0 or config.cutmix > 0, np.int32, (4,)),
        }
        self._numbers = {
            name: tf.Variable(np.zeros((1, *shape), kind), shape=(None, *shape), trainable=False)
            for name, (used, kind, shape) in wanted.items()
            if used
        }
        self._cuts = config.cutmix > 0

    @property
    def variables(self) -> list[Any]:
        """The variables that hold the numbers of a plan."""
        return list(self._numbers.values())

    def begin(self, plan: EpochPlan) -> None:
        """Take the numbers of a plan."""
        for name, variable in self._numbers.items():
            variable.assign(getattr(plan if hasattr(plan, name) else plan.mixing, name))

    def stored(self, row: Any, images: Any) -> Any:
        """Stored images (n, h, w, c), of which a part is seen: moved, and with other colors. Crops and colors are
        floating numbers."""
        if "crops" in self._numbers:
            images = crop(images, tf.gather(self._numbers["crops"], row), self._size)
        elif self._size:
            images = middle(images, self._size)
        if "augmentation" in self._numbers:
            images = move(images, tf.gather(self._numbers["augmentation"], row))
        if "color" in self._numbers:
            images = change_colors(images, tf.gather(self._numbers["color"], row))
        return images

    def normalized(self, row: Any, x: Any) -> Any:
        """Normalized samples with a rectangle erased, and mixed with others."""
        if "erasing" in self._numbers:
            boxes = tf.gather(self._numbers["erasing"], row)
            x = tf.where(inside(boxes, x), tf.zeros((), x.dtype), x)
        if "partners" not in self._numbers:
            return x
        others, share = tf.gather(x, tf.gather(self._numbers["partners"], row)), tf.cast(self._share(row), x.dtype)
        if not self._cuts:
            return share * x + (1 - share) * others
        box = tf.gather(self._numbers["boxes"], row)
        cut = tf.where(inside(box[None], x), others, x)
        return tf.where(box[2] > 0, cut, share * x + (1 - share) * others)

    def masks(self, row: Any, masks: Any) -> Any:
        """Masks (n, h, w) that change with their images; what comes in at the border does not count."""
        if "crops" in self._numbers:
            masks = crop_masks(masks, tf.gather(self._numbers["crops"], row))
        if "augmentation" in self._numbers:
            masks = move(masks[..., None], tf.gather(self._numbers["augmentation"], row), IGNORED)[..., 0]
        return masks

    def mixed(self, row: Any, targets: Any) -> tuple[Any, Any] | None:
        """The targets of each sample's partner, and the share of a sample itself."""
        if "partners" not in self._numbers:
            return None
        return tf.gather(targets, tf.gather(self._numbers["partners"], row)), self._share(row)

    def _share(self, row: Any) -> Any:
        return tf.gather(self._numbers["shares"], row)


def middle(images: Any, size: tuple[int, ...]) -> Any:
    """The middle of stored images (n, h, w, c)."""
    top, left = ((whole - seen) // 2 for whole, seen in zip(images.shape[1:3], size, strict=True))
    return images[:, top : top + size[0], left : left + size[1]]


def crop(images: Any, numbers: Any, size: tuple[int, ...]) -> Any:
    """Rectangles of images (n, h, w, c), resized as `augmentation.crops` says: floating numbers."""
    kind = keras.config.floatx()
    top, left, height, width = tf.unstack(tf.cast(numbers, kind), axis=1)
    rows = _weights(top, height, size[0], images.shape[1])
    columns = _weights(left, width, size[1], images.shape[2])
    found = _mean(rows, tf.cast(images, kind))
    return tf.transpose(_mean(columns, tf.transpose(found, (0, 2, 1, 3))), (0, 2, 1, 3))


def _weights(first: Any, length: Any, size: int, stored: int) -> Any:
    scale = length / size
    centers = first[:, None] + (tf.range(size, dtype=first.dtype) + 0.5) * scale[:, None]
    rows = tf.range(stored, dtype=first.dtype) + 0.5
    parts = tf.maximum(1 - tf.abs(rows - centers[..., None]) / tf.maximum(scale, 1)[:, None, None], 0)
    inside = (rows > first[:, None]) & (rows < (first + length)[:, None])
    parts = tf.where(inside[:, None, :], parts, tf.zeros((), parts.dtype))
    return parts / tf.reduce_sum(parts, axis=2, keepdims=True)


def _mean(weights: Any, images: Any) -> Any:
    """The weighted means (n, size, w, c) of the rows of images (n, h, w, c)."""
    _, height, width, channels = images.shape
    found = tf.matmul(weights, tf.reshape(images, (-1, height, width * channels)))
    return tf.reshape(found, (-1, weights.shape[1], width, channels))


def crop_masks(masks: Any, numbers: Any) -> Any:
    """Rectangles of masks (n, h, w), in their size, as `augmentation.crops` says."""
    height, width = masks.shape[1:]
    top, left, high, wide = tf.unstack(numbers, axis=1)
    rows, columns = _nearest(top, high, height), _nearest(left, wide, width)
    pixels = tf.reshape(rows[:, :, None] * width + columns[:, None, :], (-1, height * width))
    found = tf.gather(tf.reshape(masks, (-1, height * width)), pixels, batch_dims=1)
    return tf.reshape(found, (-1, height, width))


def _nearest(first: Any, length: Any, size: int) -> Any:
    return first[:, None] + (2 * tf.range(size) + 1) * length[:, None] // (2 * size)


def move(images: Any, numbers: Any, outside: int = 0) -> Any:
    """Images (n, h, w, c) mirrored and moved as `augmentation.geometry` says: each pixel looks up its origin."""
    height, width, channels = images.shape[1:]
    flip, dy, dx = (column[:, None] for column in tf.unstack(numbers, axis=1))
    rows, columns = tf.range(height)[None, :] - dy, tf.range(width)[None, :] - dx
    within = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    columns = tf.where(flip == 1, width - 1 - columns, columns)
    rows, columns = tf.clip_by_value(rows, 0, height - 1), tf.clip_by_value(columns, 0, width - 1)
    pixels = tf.reshape(rows[:, :, None] * width + columns[:, None, :], (-1, height * width))
    moved = tf.gather(tf.reshape(images, (-1, height * width, channels)), pixels, batch_dims=1)
    moved = tf.reshape(moved, (-1, height, width, channels))
    return tf.where(within[..., None], moved, tf.constant(outside, images.dtype))


def change_colors(images: Any, factors: Any) -> Any:
    """Images (n, h, w, c) with values of 0 to 255 as `augmentation.color` says: floating numbers."""
    kind = keras.config.floatx()
    brightness, contrast, saturation = (
        column[:, None, None, None] for column in tf.unstack(tf.cast(factors, kind), axis=1)
    )
    changed = tf.clip_by_value(tf.cast(images, kind) * brightness, 0, 255)
    mean = tf.reduce_mean(_gray(changed), axis=(1, 2), keepdims=True)
    changed = tf.clip_by_value(mean + contrast * (changed - mean), 0, 255)
    if images.shape[-1] == len(GRAY):
        own = _gray(changed)
        changed = tf.clip_by_value(own + saturation * (changed - own), 0, 255)
    return changed


def _gray(images: Any) -> Any:
    """The gray of images (n, h, w, c): (n, h, w, 1)."""
    channels = images.shape[-1]
    parts = GRAY if channels == len(GRAY) else (1 / channels,) * channels
    return tf.tensordot(images, tf.constant(parts, images.dtype), axes=1)[..., None]


def inside(boxes: Any, x: Any) -> Any:
    """The pixels inside the rectangles (n, 4) of images (n, h, w, c): bool (n, h, w, 1)."""
    top, left, height, width = (column[:, None] for column in tf.unstack(boxes, axis=1))
    rows, columns = tf.range(x.shape[1])[None, :], tf.range(x.shape[2])[None, :]
    high, wide = (rows >= top) & (rows < top + height), (columns >= left) & (columns < left + width)
    return (high[:, :, None] & wide[:, None, :])[..., None]
