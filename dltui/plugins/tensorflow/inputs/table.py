"""The network for the numbers and categories of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from dltui.plugins.architectures import kernel_limit
from dltui.plugins.tensorflow.inputs.fields import symbols
from dltui.plugins.tensorflow.layers import dense

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def table(
    spec: Spec,
    categories: Sequence[tuple[int, int]],
    layers: Sequence[int],
    dropout: float,
    outputs: int,
) -> Any:
    """A model that embeds the categories, puts them beside the numbers, and applies dense layers; it also takes a
    single input.
    """
    inputs = symbols(spec) if spec.named_inputs else keras.Input(spec.input_shape, name="numbers")
    x = _row(inputs, categories) if spec.named_inputs else keras.layers.Flatten(name="flatten")(inputs)
    for place, width in enumerate(layers, start=1):
        x = keras.layers.ReLU(name=f"relu{place}")(dense(f"dense{place}", width, relu=True)(x))
        x = keras.layers.Dropout(dropout, name=f"dropout{place}")(x) if dropout else x
    return keras.Model(inputs, dense("output", outputs, relu=False)(x))


def _row(inputs: dict[str, Any], categories: Sequence[tuple[int, int]]) -> Any:
    parts = [inputs["numbers"]] if "numbers" in inputs else []
    for place, (size, width) in enumerate(categories):
        parts.append(embedding(f"category{place + 1}", size, width)(inputs["categories"][:, place]))
    return keras.layers.Concatenate(name="row")(parts) if len(parts) > 1 else parts[0]


def embedding(name: str, size: int, width: int) -> Any:
    """A table of vectors, uniform with the variance 1 / width."""
    limit = kernel_limit(width, relu=False)
    initial = keras.initializers.RandomUniform(-limit, limit)
    return keras.layers.Embedding(size, width, embeddings_initializer=initial, name=name)
