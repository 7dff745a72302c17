"""Lion: the sign of a momentum is the step. Chen et al. 2023, https://arxiv.org/abs/2302.06675."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dltui.plugins.tensorflow.optimizers.base import Weights, decay

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

BETAS = (0.9, 0.99)


class Lion:
    """weight -= lr * (sign(b1 * m + (1 - b1) * gradient) + weight_decay * weight), then m = b2 * m + (1 - b2) *
    gradient; `m` is kept as `exp_avg`."""

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig, scales: Mapping[str, float]) -> None:
        self._weights, self._decay = Weights(weights, scales), config.weight_decay
        self.state: Mapping[str, Any] = self._weights.slots("exp_avg")
        self._means = list(self.state.values())

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        for number, weight, gradient, rate in self._weights.updates(gradients, lr):
            mean = self._means[number]
            direction = tf.sign(mean * BETAS[0] + gradient * (1 - BETAS[0]))
            decay(weight, rate, self._decay)
            weight.assign_sub(tf.cast(rate, weight.dtype) * direction)
            mean.assign(mean * BETAS[1] + gradient * (1 - BETAS[1]))
