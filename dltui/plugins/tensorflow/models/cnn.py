"""A convolutional network in Keras: LeNet's layout (LeCun et al. 1998) with batch norm and ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.architectures import HEAD, CnnConfig, working_size

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: CnnConfig, spec: Spec) -> Any:
    import keras

    from dltui.plugins.tensorflow.layers import BatchNorm, Resize, convolution, dense

    layers = keras.layers
    size = working_size(spec)
    stack = [layers.Input(spec.input_shape)]
    if size != spec.input_shape[:2]:
        stack.append(Resize(size, name="resize"))
    for number, channels in enumerate(config.channels, start=1):
        stack += [
            convolution(f"conv{number}", channels, same_size=number == 1),
            BatchNorm(name=f"norm{number}"),
            layers.ReLU(name=f"relu{number}"),
            layers.AveragePooling2D(2, name=f"pool{number}"),
        ]
    stack.append(layers.Flatten(name="flatten"))
    for number, width in enumerate(HEAD, start=1):
        stack += [dense(f"dense{number}", width, relu=True), layers.ReLU(name=f"relu{number + 2}")]
        if config.dropout:
            stack.append(layers.Dropout(config.dropout, name=f"dropout{number}"))
    stack.append(dense("output", spec.outputs, relu=False))
    return keras.Sequential(stack)


MODEL = Model(
    id="cnn-tensorflow",
    name="cnn",
    framework="tensorflow",
    task="classification",
    also=("multilabel", "regression"),
    summary="a convolutional network: LeNet's layout with batch norm and ReLU",
    config=CnnConfig,
    build=build,
    needs_images=True,
)
