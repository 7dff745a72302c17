"""Scales the loss so that small gradients are not lost in float16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from dltui.core.contract.state import SCALE, STREAK

START, GROWTH, BACKOFF, PATIENCE = 2.0**16, 2.0, 0.5, 2000
"""As PyTorch's GradScaler has them."""


class LossScale:
    """The factor on the loss: a step whose gradients overflow is left out and halves it; 2,000 steps without one double
    it."""

    def __init__(self) -> None:
        self.scale = tf.Variable(START, dtype=tf.float32, trainable=False)
        self._streak = tf.Variable(0, dtype=tf.int32, trainable=False)

    @property
    def state(self) -> dict[str, Any]:
        """Its variables, under the names that they have in a checkpoint."""
        return {SCALE: self.scale, STREAK: self._streak}

    def unscaled(self, gradients: Sequence[Any]) -> tuple[list[Any], Any]:
        """Gradients of their own size, and whether all are finite; part of a graph."""
        factor = 1 / self.scale
        found = [None if gradient is None else gradient * tf.cast(factor, gradient.dtype) for gradient in gradients]
        finite = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in found if gradient is not None]
        return found, tf.reduce_all(tf.stack(finite))

    def follow(self, finite: Any) -> None:
        """Change the scale after a step; part of a graph."""
        streak = tf.where(finite, self._streak + 1, 0)
        grows = streak >= PATIENCE
        self.scale.assign(self.scale * tf.where(finite, tf.where(grows, GROWTH, 1.0), BACKOFF))
        self._streak.assign(tf.where(grows, 0, streak))
