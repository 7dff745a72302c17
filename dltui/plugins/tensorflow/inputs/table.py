"""The network for the numbers, categories and texts of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from dltui.core.contract.inputs import MASK
from dltui.plugins.tensorflow.inputs.fields import symbols
from dltui.plugins.tensorflow.inputs.sequence import MaskedMean
from dltui.plugins.tensorflow.layers import dense, embedding

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def table(
    spec: Spec,
    categories: Sequence[tuple[int, int]],
    words: tuple[int, int] | None,
    layers: Sequence[int],
    dropout: float,
    outputs: int,
) -> Any:
    """A model that embeds the categories and the words of a text, puts them and the mean of the words beside the
    numbers, and applies dense layers; it also takes a single input.
    """
    inputs = symbols(spec) if spec.named_inputs else keras.Input(spec.input_shape, name="numbers")
    x = _row(inputs, categories, words) if spec.named_inputs else keras.layers.Flatten(name="flatten")(inputs)
    for place, width in enumerate(layers, start=1):
        x = keras.layers.ReLU(name=f"relu{place}")(dense(f"dense{place}", width, relu=True)(x))
        x = keras.layers.Dropout(dropout, name=f"dropout{place}")(x) if dropout else x
    return keras.Model(inputs, dense("output", outputs, relu=False)(x))


def _row(inputs: dict[str, Any], categories: Sequence[tuple[int, int]], words: tuple[int, int] | None) -> Any:
    parts = [inputs["numbers"]] if "numbers" in inputs else []
    for place, (size, width) in enumerate(categories):
        parts.append(embedding(f"category{place + 1}", size, width)(inputs["categories"][:, place]))
    if words:
        parts.append(MaskedMean(name="mean")(embedding("words", *words)(inputs["text"]), inputs["text" + MASK]))
    return keras.layers.Concatenate(name="row")(parts) if len(parts) > 1 else parts[0]
