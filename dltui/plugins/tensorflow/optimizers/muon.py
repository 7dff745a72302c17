"""Muon: a momentum whose singular values are made equal is the step. Jordan 2024, https://kellerjordan.github.io/posts/muon.

Matrices and convolution filters (as matrices of one column a filter) get it; the others get AdamW. Each step is scaled
to the usual size of AdamW's (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so that one learning rate fits both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dltui.plugins.tensorflow.optimizers.adam import Moments
from dltui.plugins.tensorflow.optimizers.base import Weights, decay

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SIZE = 0.2
"""Root mean square of a step of AdamW with learning rate 1."""


class Muon:
    """Muon with Nesterov's momentum; AdamW for variables of one dimension."""

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig, scales: Mapping[str, float]) -> None:
        matrices = {name: weight for name, weight in weights.items() if weight.shape.rank >= 2}
        others = {name: weight for name, weight in weights.items() if name not in matrices}
        self._is_matrix = [name in matrices for name in weights]
        self._matrices, self._others = Weights(matrices, scales), Weights(others, scales)
        self._momentum, self._decay = config.momentum, config.weight_decay
        buffers = self._matrices.slots("momentum")
        self._buffers, self._moments = list(buffers.values()), Moments(self._others)
        self.state: Mapping[str, Any] = {**buffers, **self._moments.state}

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        step = self._moments.next()
        for number, weight, gradient, rate in self._others.updates(self._those(gradients, False), lr):
            decay(weight, rate, self._decay)
            self._moments.update(number, weight, gradient, rate, step)
        for number, weight, gradient, rate in self._matrices.updates(self._those(gradients, True), lr):
            decay(weight, rate, self._decay)
            buffer, momentum = self._buffers[number], self._momentum
            buffer.assign(buffer * momentum + gradient * (1 - momentum))
            ahead = gradient * (1 - momentum) + buffer * momentum
            matrix = tf.reshape(ahead, (-1, ahead.shape[-1]))
            size = SIZE * sqrt(max(matrix.shape))
            weight.assign_sub(tf.cast(rate, weight.dtype) * size * tf.reshape(orthogonal(matrix), ahead.shape))

    def _those(self, gradients: Sequence[Any], matrices: bool) -> list[Any]:
        return [gradient for gradient, kind in zip(gradients, self._is_matrix, strict=True) if kind == matrices]


def orthogonal(matrix: Any) -> Any:
    """About the nearest matrix with equal singular values: five steps of Newton and Schulz's iteration."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else tf.transpose(matrix)
    x = x / (tf.norm(x) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = tf.matmul(x, x, transpose_b=True)
        x = a * x + tf.matmul(b * gram + c * tf.matmul(gram, gram), x)
    return x if wide else tf.transpose(x)
