"""Adam, AdamW and RMSprop as PyTorch defines them. Keras's AdamW places epsilon before the bias correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from dltui.plugins.tensorflow.optimizers.base import Weights, decay

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

BETAS = (0.9, 0.999)
EPSILON = 1e-8
ALPHA = 0.99


class Moments:
    """The step that AdamW and Adam share.

    TensorFlow's fused Adam adds its epsilon to the uncorrected root r: lr / c1 * m / (r / s + eps), s = sqrt(c2), is
    (lr * s / c1) * m / (r + eps * s). The corrections are computed in float64 from the betas that the kernel sees.
    """

    def __init__(self, weights: Weights) -> None:
        self._step = tf.Variable(0, dtype=tf.int64)
        means, squares = weights.slots("exp_avg"), weights.slots("exp_avg_sq")
        self._means, self._squares = list(means.values()), list(squares.values())
        self.state: Mapping[str, Any] = {"step": self._step, **means, **squares}

    def next(self) -> Any:
        """The number of the coming step, from 1."""
        return tf.cast(self._step.assign_add(1), tf.float64)

    def update(self, number: int, weight: Any, gradient: Any, lr: Any, step: Any) -> None:
        kind, lr = weight.dtype, tf.cast(lr, tf.float64)
        betas = [float(np.asarray(beta, kind.as_numpy_dtype)) for beta in BETAS]
        first, second = (1 - tf.pow(tf.constant(beta, tf.float64), step) for beta in betas)
        root = tf.sqrt(second)
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=self._means[number].handle,
            v=self._squares[number].handle,
            beta1_power=tf.zeros((), kind),
            beta2_power=tf.zeros((), kind),
            lr=tf.cast(lr * root / first, kind),
            beta1=tf.constant(betas[0], kind),
            beta2=tf.constant(betas[1], kind),
            epsilon=tf.cast(EPSILON * root, kind),
            grad=gradient,
        )


class AdamW:
    """Loshchilov & Hutter 2019 as in PyTorch, whose epsilon is added to the root of the *corrected* second moment;
    `adam` (Kingma & Ba 2015) adds the decay to the gradient instead."""

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig, scales: Mapping[str, float]) -> None:
        self._weights = Weights(weights, scales)
        self._moments, self._decay, self._coupled = (
            Moments(self._weights),
            config.weight_decay,
            config.optimizer == "adam",
        )
        self.state = self._moments.state

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        step = self._moments.next()
        for number, weight, gradient, rate in self._weights.updates(gradients, lr):
            if self._coupled:
                gradient = gradient + weight * self._decay if self._decay else gradient
            else:
                decay(weight, rate, self._decay)
            self._moments.update(number, weight, gradient, rate, step)


class RmsProp:
    """square = 0.99 * square + 0.01 * gradient**2; weight -= lr * gradient / (sqrt(square) + 1e-8), as in PyTorch;
    weight decay is added to the gradient."""

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig, scales: Mapping[str, float]) -> None:
        self._weights, self._decay = Weights(weights, scales), config.weight_decay
        self._step = tf.Variable(0, dtype=tf.int64)
        squares = self._weights.slots("square_avg")
        self._squares = list(squares.values())
        self.state: Mapping[str, Any] = {"step": self._step, **squares}

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        self._step.assign_add(1)
        for number, weight, gradient, rate in self._weights.updates(gradients, lr):
            gradient = gradient + weight * self._decay if self._decay else gradient
            square = self._squares[number]
            square.assign(square * ALPHA + tf.square(gradient) * (1 - ALPHA))
            weight.assign_sub(tf.cast(rate, weight.dtype) * gradient / (tf.sqrt(square) + EPSILON))
