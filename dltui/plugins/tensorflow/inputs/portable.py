"""A Keras model with named inputs as it is exported: it takes each in the dataset's own units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from dltui.core.contract.inputs import MASK
from dltui.plugins.tensorflow.inputs.fields import symbols
from dltui.plugins.tensorflow.inputs.sequence import Shown

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def named(model: Any, spec: Spec) -> tuple[dict[str, Any], Any]:
    """The inputs by name, each padded one with its mask behind it, and the outputs."""
    given = symbols(spec)
    inputs = dict(given)
    for one in spec.named_inputs:
        x = given[one.name]
        if one.dtype != "int32":
            scale, offset = [1 / s for s in one.std], [-m / s for m, s in zip(one.mean, one.std, strict=True)]
            alone = len(scale) == 1
            x = keras.layers.Rescaling(scale[0] if alone else scale, offset[0] if alone else offset)(x)
        inputs[one.name] = Shown(name=f"shown_{one.name}")(x, given[one.name + MASK]) if one.padded else x
    return given, model(inputs, training=False)
