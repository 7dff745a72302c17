"""A multilayer perceptron in Keras: dense layers with ReLU between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.architectures import MlpConfig

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: MlpConfig, spec: Spec) -> Any:
    import keras

    from dltui.plugins.tensorflow.layers import dense

    layers = keras.layers
    stack = [layers.Input(spec.input_shape), layers.Flatten(name="flatten")]
    for number, width in enumerate(config.layers, start=1):
        stack += [dense(f"dense{number}", width, relu=True), layers.ReLU(name=f"relu{number}")]
        if config.dropout:
            stack.append(layers.Dropout(config.dropout, name=f"dropout{number}"))
    stack.append(dense("output", spec.outputs, relu=False))
    return keras.Sequential(stack)


MODEL = Model(
    id="mlp-tensorflow",
    name="mlp",
    framework="tensorflow",
    task="classification",
    also=("multilabel", "regression"),
    summary="a multilayer perceptron: dense layers with ReLU, 784 hidden units by default",
    config=MlpConfig,
    build=build,
)
