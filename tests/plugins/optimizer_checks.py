"""The TensorFlow optimizers beside NumPy's word of PyTorch's formulas: `python -m tests.plugins.optimizer_checks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract.config import TrainConfig

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

STEPS = 12


def sgd(weight: Array, gradients: Array, rates: Array, config: TrainConfig) -> Array:
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html"""
    buffer = np.zeros_like(weight)
    for step, (gradient, lr) in enumerate(zip(gradients, rates, strict=True)):
        gradient = gradient + config.weight_decay * weight
        buffer = config.momentum * buffer + gradient if step else gradient
        weight = weight - lr * buffer
    return weight


def adamw(weight: Array, gradients: Array, rates: Array, config: TrainConfig) -> Array:
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html"""
    mean, square = np.zeros_like(weight), np.zeros_like(weight)
    for step, (gradient, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
        weight = weight - lr * config.weight_decay * weight
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        weight = weight - lr * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return weight


def trained(tf: Any, kind: str, start: Array, gradients: Array, rates: Array, config: TrainConfig) -> Array:
    from dltui.plugins.tensorflow.optimizers.make import KINDS

    used, unused = tf.Variable(start.astype(kind)), tf.Variable(np.ones(3, kind))
    optimizer = KINDS[config.optimizer]({"a": used, "b": unused}, config, {})
    for gradient, lr in zip(gradients, rates, strict=True):
        optimizer.apply([tf.constant(gradient.astype(kind)), None], tf.constant(np.float32(lr)))
    assert unused.numpy().tolist() == [1.0, 1.0, 1.0], "a variable without a gradient keeps its value"
    values: Array = used.numpy()
    return values


def main() -> None:
    from dltui.plugins.tensorflow.session import import_framework

    tf = import_framework()
    random = np.random.default_rng(1)
    start = random.normal(size=(4, 5))
    # Tiny gradients too: there epsilon decides, and its place shows.
    gradients = random.normal(size=(STEPS, 4, 5)) * 10.0 ** random.integers(-9, 1, (4, 5))
    rates = np.linspace(0.1, 0.5, STEPS).astype(np.float32).astype(np.float64)
    for optimizer, reference in (("sgd", sgd), ("adamw", adamw)):
        for momentum in (0.9, 0.0):
            for decay in (0.0, 0.05):
                config = TrainConfig(optimizer=optimizer, momentum=momentum, weight_decay=decay)
                expected = reference(start, gradients, rates, config)
                double = trained(tf, "float64", start, gradients, rates, config)
                single = trained(tf, "float32", start, gradients, rates, config)
                np.testing.assert_allclose(double, expected, rtol=1e-11, atol=1e-12)
                np.testing.assert_allclose(single, expected, rtol=1e-4, atol=3e-6)


if __name__ == "__main__":
    main()
