"""A network of keras.applications with what dltui puts around it: scaled images in its own colors, and a new head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dltui.core.contract.state import WEIGHTS
from dltui.plugins.tensorflow.layers import Resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.core.contract import Spec
    from dltui.core.contract.types import State

BACKBONE = "backbone"


@keras.saving.register_keras_serializable("dltui")
class Colors(keras.layers.Layer):  # type: ignore[misc]
    """Turns normalized values of a dataset into those that a network expects: x @ kernel + bias for each pixel."""

    def __init__(self, kernel: list[list[float]], bias: list[float], **options: Any) -> None:
        super().__init__(**options)
        self.kernel, self.bias = kernel, bias

    def call(self, x: Any) -> Any:
        return tf.tensordot(x, tf.constant(self.kernel, x.dtype), 1) + tf.constant(self.bias, x.dtype)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*shape[:-1], len(self.bias))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel": self.kernel, "bias": self.bias}


def colors(spec: Spec, preprocess: Callable[[Any], Any]) -> Colors:
    """The layer that makes of normalized values what `preprocess` makes of pixels: a scale, a shift and an order."""
    corners = np.zeros((4, 1, 1, 3), np.float32)
    corners[1, 0, 0, 0] = corners[2, 0, 0, 1] = corners[3, 0, 0, 2] = 255
    made = np.array(preprocess(corners), np.float64)[:, 0, 0]
    matrix, shift = (made[1:] - made[0]) / 255, made[0]
    channels = spec.input_shape[2]
    mean, std = (np.broadcast_to(np.array(values, np.float64), (channels,)) for values in (spec.mean, spec.std))
    # Gray becomes three equal colors.
    spread = np.ones((1, 3)) if channels == 1 else np.eye(3)
    kernel, bias = std[:, None] * (spread @ matrix), mean @ spread @ matrix + shift
    return Colors(kernel.tolist(), bias.tolist(), name="colors")


def backbone(make: Callable[..., Any], size: tuple[int, int], **options: Any) -> Any:
    """The network without its head, its weights named after its place, however many were made before in this process.
    Without a name in the options it has the library's own, after which some choose their layers, how they take pixels,
    and the file of their weights.
    """
    _count_names_anew()
    with keras.name_scope(BACKBONE):
        return make(include_top=False, input_shape=(*size, 3), pooling="avg", **options)


def around(body: Any, spec: Spec, size: tuple[int, int], first: Colors) -> Any:
    """The network between the dataset's images and its classes."""
    images = keras.Input(spec.input_shape)
    x = images if size == spec.input_shape[:2] else Resize(size, name="resize")(images)
    head = keras.layers.Dense(
        spec.outputs, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name="head"
    )
    return keras.Model(images, head(body(first(x))), name="network")


def state_of(body: Any) -> State:
    """The weights of a backbone, named as in a network whose backbone has the name of its place. The numbers by which
    it normalizes pixels are left out: what a layer computes does not follow when they are set.
    """
    layers = (layer for layer in body.layers if isinstance(layer, keras.layers.Normalization))
    spare = {id(variable) for layer in layers for variable in layer.weights}
    return {
        WEIGHTS + variable.path.replace(f"/{body.name}_", f"/{BACKBONE}_"): np.array(variable.numpy())
        for variable in body.weights
        if id(variable) not in spare
    }


def _count_names_anew() -> None:
    """Let names of layers count from the start: those of two networks of a member are then the same."""
    try:
        from keras.src.utils.naming import reset_uids
    except ImportError:
        return
    reset_uids()
