"""Softmax regression in Keras: one dense layer and the cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.architectures import SoftmaxConfig

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: SoftmaxConfig, spec: Spec) -> Any:
    import keras

    from dltui.plugins.tensorflow.layers import dense

    layers = keras.layers
    stack = [layers.Input(spec.input_shape), layers.Flatten(name="flatten"), dense("dense", spec.outputs, relu=False)]
    return keras.Sequential(stack)


MODEL = Model(
    id="softmax-tensorflow",
    name="softmax",
    framework="tensorflow",
    task="classification",
    also=("multilabel",),
    summary="softmax regression: one dense layer, the simplest classifier that learns",
    config=SoftmaxConfig,
    build=build,
)
