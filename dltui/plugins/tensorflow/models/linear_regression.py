"""Linear regression in Keras: one dense layer and the mean squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.architectures import LinearRegressionConfig

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: LinearRegressionConfig, spec: Spec) -> Any:
    import keras

    from dltui.plugins.tensorflow.layers import dense

    layers = keras.layers
    stack = [layers.Input(spec.input_shape), layers.Flatten(name="flatten"), dense("dense", spec.outputs, relu=False)]
    return keras.Sequential(stack)


MODEL = Model(
    id="linear-regression-tensorflow",
    name="linear-regression",
    framework="tensorflow",
    task="regression",
    summary="a straight line (or plane) through the points, fitted by gradient descent",
    config=LinearRegressionConfig,
    build=build,
)
