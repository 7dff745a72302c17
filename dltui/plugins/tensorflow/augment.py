"""Mirrors and shifts training images on the device, by the numbers that core draws."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def augment(images: Any, numbers: Any) -> Any:
    """The images (n, h, w, c) mirrored and shifted as `core.augment` defines it, by a lookup of each pixel's source."""
    height, width, channels = images.shape[1:]
    flip, dy, dx = (column[:, None] for column in tf.unstack(numbers, axis=1))
    rows, columns = tf.range(height)[None, :] - dy, tf.range(width)[None, :] - dx
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    columns = tf.where(flip == 1, width - 1 - columns, columns)
    rows, columns = tf.clip_by_value(rows, 0, height - 1), tf.clip_by_value(columns, 0, width - 1)
    pixels = tf.reshape(rows[:, :, None] * width + columns[:, None, :], (-1, height * width))
    moved = tf.gather(tf.reshape(images, (-1, height * width, channels)), pixels, batch_dims=1)
    moved = tf.reshape(moved, (-1, height, width, channels))
    return tf.where(inside[..., None], moved, tf.zeros((), images.dtype))
