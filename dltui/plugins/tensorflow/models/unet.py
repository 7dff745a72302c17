"""The U-Net (Ronneberger et al. 2015) that `plugins.unet` declares, in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.unet import FILTER, Level, UnetConfig, down, up

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: UnetConfig, spec: Spec) -> Any:
    import keras

    from dltui.plugins.tensorflow.layers import Kernel

    layers = keras.layers
    x = image = layers.Input(spec.input_shape)
    beside: list[Any] = []
    for number, level in enumerate(down(config, spec), start=1):
        x = _convolved(level, x)
        if number <= config.depth:
            beside.append(x)
            # Of an odd side it takes the last pixel alone, as PyTorch does with ceil_mode.
            x = layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(x)
    for level in up(config):
        own = beside.pop()
        x = layers.UpSampling2D(2, name=f"{level.name}double")(x)
        over = [doubled - side for doubled, side in zip(x.shape[1:3], own.shape[1:3], strict=True)]
        if any(over):
            x = layers.Cropping2D(((0, over[0]), (0, over[1])), name=f"{level.name}cut")(x)
        x = _convolved(level, layers.Concatenate(name=f"{level.name}beside")([x, own]))
    x = layers.Conv2D(spec.outputs, 1, kernel_initializer=Kernel(relu=False), name="output")(x)
    return keras.Model(image, x)


def _convolved(level: Level, x: Any) -> Any:
    import keras

    from dltui.plugins.tensorflow.layers import BatchNorm, Kernel

    for number in (1, 2):
        # Without a bias, which the norm after it has.
        x = keras.layers.Conv2D(
            level.outputs, FILTER, padding="same", use_bias=False, kernel_initializer=Kernel(relu=True),
            name=f"{level.name}conv{number}",
        )(x)  # fmt: skip
        x = BatchNorm(name=f"{level.name}norm{number}")(x)
        x = keras.layers.ReLU(name=f"{level.name}relu{number}")(x)
    return x


MODEL = Model(
    id="unet-tensorflow",
    name="unet",
    framework="tensorflow",
    task="segmentation",
    summary="a U-Net: a class for each pixel, 486,000 parameters",
    config=UnetConfig,
    build=build,
    needs_images=True,
)
