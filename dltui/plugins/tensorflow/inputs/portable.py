"""A Keras model with named inputs as it is exported: it takes each in the dataset's own units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from dltui.core.contract.inputs import MASK
from dltui.plugins.tensorflow.inputs.fields import symbols
from dltui.plugins.tensorflow.inputs.sequence import Shown

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def normalized(x: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    """The values (x - mean) / std. The mean is taken off first, as in training: where it is large beside the deviation,
    the digits of x / std would not do.
    """
    x = keras.layers.Rescaling(1.0, _alone([-value for value in mean]))(x)
    return keras.layers.Rescaling(_alone([1 / value for value in std]))(x)


def _alone(values: list[float]) -> list[float] | float:
    """The only value of a list, or the list."""
    return values[0] if len(values) == 1 else values


def named(model: Any, spec: Spec) -> tuple[dict[str, Any], Any]:
    """The inputs by name, each padded one with its mask behind it, and the outputs."""
    given = symbols(spec)
    inputs = dict(given)
    for one in spec.named_inputs:
        x = given[one.name]
        if one.dtype != "int32":
            x = normalized(x, one.mean, one.std)
        inputs[one.name] = Shown(name=f"shown_{one.name}")(x, given[one.name + MASK]) if one.padded else x
    return given, model(inputs, training=False)
