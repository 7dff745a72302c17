"""The interface of all optimizers, and the common parts of those that dltui brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf


class Optimizer(Protocol):
    """An optimizer that updates variables from gradients; `state` maps names in a checkpoint to its own variables."""

    @property
    def state(self) -> Mapping[str, Any]: ...

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        """Update the variables once. A gradient is None for a variable without influence on the loss, which keeps its
        value.
        """


class Weights:
    """The variables that an optimizer updates, by name; `scales` are parts of the learning rate of single ones."""

    def __init__(self, weights: Mapping[str, Any], scales: Mapping[str, float]) -> None:
        self.names, self.variables = list(weights), list(weights.values())
        self._scales = [scales.get(name, 1.0) for name in weights]

    def slots(self, name: str) -> dict[str, Any]:
        """A variable of zeros for each, by its name in a checkpoint."""
        made = [tf.Variable(tf.zeros_like(variable)) for variable in self.variables]
        return {f"{weight}/{name}": slot for weight, slot in zip(self.names, made, strict=True)}

    def updates(self, gradients: Sequence[Any], lr: Any) -> Iterator[tuple[int, Any, Any, Any]]:
        """(number, variable, gradient, learning rate) of those that have a part in the loss."""
        for number, (variable, gradient) in enumerate(zip(self.variables, gradients, strict=True)):
            if gradient is not None:
                scale = self._scales[number]
                yield number, variable, gradient, lr if scale == 1 else tf.cast(lr, tf.float64) * scale


def decay(variable: Any, lr: Any, amount: float) -> None:
    """weight -= lr * amount * weight, apart from the gradient's step."""
    if amount:
        variable.assign(variable * tf.cast(1 - tf.cast(lr, tf.float64) * amount, variable.dtype))
