"""An exponential moving average of a model's weights, and of its batch norm's statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from dltui.core.contract.state import AVERAGE, AVERAGE_STEPS, WEIGHTS


class Average:
    """average += (1 - d) * (weight - average) after each step, with d = min(decay, (1 + steps) / (10 + steps)): early
    averages then forget the weights that the run began with, as in TensorFlow's ExponentialMovingAverage."""

    def __init__(self, variables: Mapping[str, Any], decay: float) -> None:
        """`variables` as `neutral.variables` has them."""
        self._decay = decay
        self._weights = {
            name: weight for name, weight in variables.items() if name.startswith(WEIGHTS) and weight.dtype.is_floating
        }
        self._steps = tf.Variable(0, dtype=tf.int64)
        self._averages = [tf.Variable(weight) for weight in self._weights.values()]

    @property
    def state(self) -> dict[str, Any]:
        """Its variables, under the names that they have in a checkpoint."""
        names = [AVERAGE + name.removeprefix(WEIGHTS) for name in self._weights]
        return {AVERAGE_STEPS: self._steps, **dict(zip(names, self._averages, strict=True))}

    def follow(self) -> None:
        """Take in the weights of a step that is done; part of a graph."""
        steps = tf.cast(self._steps.assign_add(1), tf.float64)
        share = 1 - tf.minimum(tf.constant(self._decay, tf.float64), (1 + steps) / (10 + steps))
        for average, weight in zip(self._averages, self._weights.values(), strict=True):
            average.assign_add(tf.cast(share, average.dtype) * (weight - average))

    def restart(self) -> None:
        """Begin a new average with the current weights."""
        self._steps.assign(0)
        for average, weight in zip(self._averages, self._weights.values(), strict=True):
            average.assign(weight)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the averages until the context ends."""
        kept = [tf.identity(weight) for weight in self._weights.values()]
        for average, weight in zip(self._averages, self._weights.values(), strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(self._weights.values(), kept, strict=True):
                weight.assign(value)
