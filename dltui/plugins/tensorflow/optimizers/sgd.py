"""Stochastic gradient descent as PyTorch defines it.

Keras's SGD folds the learning rate into the momentum, so that a schedule acts differently. TensorFlow's own fused
update, given the right scalars, computes what PyTorch does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dltui.plugins.tensorflow.optimizers.base import Weights

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig


class Sgd:
    """velocity = momentum * velocity + gradient + weight_decay * weight; weight -= lr * velocity, or with Nesterov's
    momentum lr * (gradient + momentum * velocity)."""

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig, scales: Mapping[str, float]) -> None:
        self._weights = Weights(weights, scales)
        self._momentum, self._decay, self._nesterov = config.momentum, config.weight_decay, config.nesterov
        self.state: Mapping[str, Any] = self._weights.slots("momentum") if config.momentum else {}
        self._velocities = list(self.state.values())

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        for number, weight, gradient, rate in self._weights.updates(gradients, lr):
            if self._decay:
                gradient = gradient + weight * self._decay
            rate = tf.cast(rate, weight.dtype)
            if not self._velocities:
                weight.assign_sub(rate * gradient)
                continue
            tf.raw_ops.ResourceApplyMomentum(
                var=weight.handle,
                accum=self._velocities[number].handle,
                lr=rate,
                grad=gradient,
                momentum=tf.constant(self._momentum, weight.dtype),
                use_nesterov=self._nesterov,
            )
