"""The residual networks that `plugins.residual` declares, in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from dltui.plugins.architectures import working_size
from dltui.plugins.residual import FILTER, Row, rows
from dltui.plugins.tensorflow.layers import BatchNorm, Kernel, Resize, dense

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.core.contract import Spec
    from dltui.plugins.residual import CnnSmallConfig, Kind


def build(config: CnnSmallConfig, spec: Spec) -> Any:
    size = working_size(spec)
    start = x = image = keras.layers.Input(spec.input_shape)
    for row in rows(config, spec):
        layer = _layer(row, size)
        if row.kind == "add":
            x = start = layer([x, start])
        elif row.in_block:
            x = layer(x)
        else:
            x = start = layer(x)
    return keras.Model(image, x)


def _layer(row: Row, size: tuple[int, int]) -> Any:
    layers, name = keras.layers, row.name
    makers: dict[Kind, Callable[[], Any]] = {
        "resize": lambda: Resize(size, name=name),
        # Without a bias, which the norm after it has.
        "conv": lambda: layers.Conv2D(
            row.outputs, FILTER, padding="same", use_bias=False, kernel_initializer=Kernel(relu=True), name=name
        ),
        "norm": lambda: BatchNorm(name=name),
        "relu": lambda: layers.ReLU(name=name),
        "add": lambda: layers.Add(name=name),
        "pool": lambda: layers.MaxPooling2D(2, name=name),
        "mean": lambda: layers.GlobalAveragePooling2D(name=name),
        "dense": lambda: dense(name, row.outputs, relu=False),
    }
    return makers[row.kind]()
