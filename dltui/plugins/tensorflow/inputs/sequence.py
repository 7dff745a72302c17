"""The layers of the Keras models for sequences that Keras does not have, or has otherwise than PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from dltui.core.contract.inputs import MASK
from dltui.plugins.sequences import EPSILON, WIDER, LstmConfig, TransformerConfig, positions, recurrent_limit
from dltui.plugins.tensorflow.inputs.fields import symbols
from dltui.plugins.tensorflow.layers import dense, embedding

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.inputs import Input

ops = keras.ops
LOW, LOW_FP16 = -1e30, -6e4
"""The score of a step that is not there, in types that reach so far and in float16."""


@keras.saving.register_keras_serializable("dltui")
class Shown(keras.layers.Layer):  # type: ignore[misc]
    """The values (n, steps, ...) with zeros where the mask (n, steps) is False."""

    def call(self, x: Any, mask: Any) -> Any:
        mask = ops.reshape(mask, (-1, x.shape[1], *(1 for _ in x.shape[2:])))
        return ops.where(mask, x, ops.zeros_like(x))


@keras.saving.register_keras_serializable("dltui")
class LastStep(keras.layers.Layer):  # type: ignore[misc]
    """The last step of each sequence (n, steps, values) that its mask (n, steps) shows."""

    def call(self, x: Any, mask: Any) -> Any:
        places = ops.sum(ops.cast(mask, "int32"), axis=1) - 1
        return ops.squeeze(ops.take_along_axis(x, places[:, None, None], axis=1), axis=1)


@keras.saving.register_keras_serializable("dltui")
class MaskedMean(keras.layers.Layer):  # type: ignore[misc]
    """The mean of the steps (n, steps, values) that the mask (n, steps) shows."""

    def call(self, x: Any, shown: Any = None) -> Any:
        if shown is None:
            return ops.mean(x, axis=1)
        shown = ops.cast(shown, x.dtype)[..., None]
        return ops.sum(x * shown, axis=1) / ops.sum(shown, axis=1)


@keras.saving.register_keras_serializable("dltui")
class Positions(keras.layers.Layer):  # type: ignore[misc]
    """Adds waves to the steps (n, steps, values), by which a transformer knows where a step is."""

    def __init__(self, factor: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, x: Any) -> Any:
        waves = ops.convert_to_tensor(positions(x.shape[1], x.shape[2]).astype(np.float64), dtype=x.dtype)
        return x * self.factor + waves

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _gelu(x: Any) -> Any:
    """GELU by erf: Keras's own takes erfc, which ONNX does not have."""
    return 0.5 * x * (1 + ops.erf(x / 2**0.5))


@keras.saving.register_keras_serializable("dltui")
class Block(keras.layers.Layer):  # type: ignore[misc]
    """Attention of all steps to all others, then two dense layers; each adds to its normalized input."""

    def __init__(self, width: int, heads: int, dropout: float, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.heads, self.rate = width, heads, dropout
        self.norm1 = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm1")
        self.norm2 = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm2")
        self.query, self.key, self.value, self.join = (
            dense(name, width, relu=False) for name in ("query", "key", "value", "join")
        )
        self.wide, self.narrow = dense("wide", WIDER * width, relu=True), dense("narrow", width, relu=False)
        self.dropout1 = keras.layers.Dropout(dropout, name="dropout1")
        self.dropout2 = keras.layers.Dropout(dropout, name="dropout2")

    def build(self, shape: tuple[int | None, ...]) -> None:
        for layer in (self.norm1, self.norm2, self.query, self.key, self.value, self.join, self.wide):
            layer.build(shape)
        self.narrow.build((*shape[:-1], WIDER * self.width))
        self.built = True

    def call(self, x: Any, shown: Any = None, training: bool = False) -> Any:
        x = x + self.dropout1(self._attend(self.norm1(x), shown), training=training)
        return x + self.dropout2(self.narrow(_gelu(self.wide(self.norm2(x)))), training=training)

    def compute_output_shape(self, shape: tuple[int | None, ...], *_: Any) -> tuple[int | None, ...]:
        return shape

    def _attend(self, x: Any, shown: Any) -> Any:
        """The values of all steps, weighted in each head by how well their keys fit a step's query."""
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        scores = ops.matmul(query, ops.swapaxes(key, 2, 3)) / float(self.width // self.heads) ** 0.5
        if shown is not None:
            low = ops.cast(LOW if scores.dtype != "float16" else LOW_FP16, scores.dtype)
            scores = ops.where(shown[:, None, None, :], scores, low)
        found = ops.transpose(ops.matmul(ops.softmax(scores, axis=-1), value), (0, 2, 1, 3))
        return self.join(ops.reshape(found, (-1, x.shape[1], self.width)))

    def _split(self, x: Any) -> Any:
        """The heads (n, heads, steps, values) of steps (n, steps, width)."""
        return ops.transpose(ops.reshape(x, (-1, x.shape[1], self.heads, self.width // self.heads)), (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "heads": self.heads, "dropout": self.rate}


def recurrent(config: LstmConfig, spec: Spec, given: Input) -> Any:
    """LSTMs on top of each other; the last output of each sequence goes through a dense layer."""
    inputs = symbols(spec)
    x, limit = inputs[given.name], recurrent_limit(config.hidden)
    x = x if given.features else embedding("embedding", given.vocabulary[0], config.embedding)(x)
    for number in range(1, config.depth + 1):
        uniform = keras.initializers.RandomUniform(-limit, limit)
        x = keras.layers.LSTM(
            config.hidden,
            return_sequences=True,
            kernel_initializer=uniform,
            recurrent_initializer=keras.initializers.RandomUniform(-limit, limit),
            name=f"lstm{number}",
        )(x)
        x = keras.layers.Dropout(config.dropout, name=f"dropout{number}")(x) if config.dropout else x
    x = LastStep(name="last")(x, inputs[given.name + MASK]) if given.padded else x[:, -1]
    return keras.Model(inputs, dense("output", spec.outputs, relu=False)(x))


def transformer(config: TransformerConfig, spec: Spec, given: Input) -> Any:
    """Blocks of attention and dense layers; the mean of the steps goes through a dense layer."""
    inputs, width = symbols(spec), config.width
    shown, x = inputs.get(given.name + MASK), inputs[given.name]
    if given.features:
        x = Positions(name="positions")(dense("steps", width, relu=False)(x))
    else:
        x = embedding("embedding", given.vocabulary[0], width)(x)
        x = Positions(float(width) ** 0.5, name="positions")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x) if config.dropout else x
    for number in range(1, config.depth + 1):
        x = Block(width, config.heads, config.dropout, name=f"block{number}")(x, shown)
    x = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    return keras.Model(inputs, dense("output", spec.outputs, relu=False)(MaskedMean(name="mean")(x, shown)))
