"""The layers of the built-in Keras models, initialized as `architectures` declares, and their listing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dltui.core.contract import Layer
from dltui.plugins.architectures import KERNEL, NORM_EPSILON, NORM_MOMENTUM, kernel_limit
from dltui.plugins.tensorflow.inputs.fields import example
from dltui.plugins.tensorflow.replicas import are_several, moments

if TYPE_CHECKING:
    from dltui.core.contract import Spec

FUSED = ("float32", "float16", "bfloat16")
"""The dtypes of TensorFlow's fused batch norm."""


@keras.saving.register_keras_serializable("dltui")
class Kernel(keras.initializers.Initializer):  # type: ignore[misc]
    """An initializer, uniform in (-limit, limit); `relu` is true if a ReLU follows."""

    def __init__(self, relu: bool) -> None:
        self.relu = relu

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        fan_in = 1
        for size in shape[:-1]:
            fan_in *= size
        limit = kernel_limit(fan_in, self.relu)
        return keras.initializers.RandomUniform(-limit, limit)(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"relu": self.relu}


def dense(name: str, outputs: int, relu: bool) -> Any:
    """A dense layer; `relu` is true if a ReLU follows."""
    return keras.layers.Dense(outputs, kernel_initializer=Kernel(relu), name=name)


def convolution(name: str, outputs: int, same_size: bool) -> Any:
    """A 5x5 convolution that keeps the image's size by zero padding, or does not pad."""
    padding = "same" if same_size else "valid"
    return keras.layers.Conv2D(outputs, KERNEL, padding=padding, kernel_initializer=Kernel(relu=True), name=name)


@keras.saving.register_keras_serializable("dltui")
class Resize(keras.layers.Layer):  # type: ignore[misc]
    """Scales images bilinearly (half-pixel centers, no antialiasing)."""

    def __init__(self, size: tuple[int, int], **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, x: Any) -> Any:
        return tf.cast(tf.image.resize(x, self.size, "bilinear", antialias=False), x.dtype)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], *self.size, shape[3])


@keras.saving.register_keras_serializable("dltui")
class BatchNorm(keras.layers.Layer):  # type: ignore[misc]
    """Batch norm over images as PyTorch defines it.

    Both frameworks normalize a training batch by its biased variance (divided by n). The moving variance, which
    evaluation uses, is fed with the unbiased variance (divided by n - 1) here and in PyTorch; Keras's own layer feeds
    it with the biased variance, and is 2.5 times slower on a CPU, where it does not use the fused kernel.
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        def add(name: str, initial: str, trainable: bool) -> Any:
            return self.add_weight(
                shape=shape[-1:], initializer=initial, name=name, trainable=trainable, autocast=False
            )

        self.gamma, self.beta = add("gamma", "ones", True), add("beta", "zeros", True)
        self.moving_mean, self.moving_variance = (
            add("moving_mean", "zeros", False),
            add("moving_variance", "ones", False),
        )

    def call(self, x: Any, training: bool = False) -> Any:
        moving = self.moving_mean.value, self.moving_variance.value
        if not (training and self.trainable):
            return _normalize(x, *moving, self.gamma.value, self.beta.value)[0]
        y, *measured = _normalize_batch(x, self.gamma.value, self.beta.value)
        for old, new in zip(moving, measured, strict=True):
            old.assign(old * (1 - NORM_MOMENTUM) + new * NORM_MOMENTUM)
        return y


def _normalize_batch(x: Any, gamma: Any, beta: Any) -> tuple[Any, Any, Any]:
    """x normalized by its own mean and biased variance, then that mean and the unbiased variance."""
    axes = list(range(len(x.shape) - 1))
    if are_several():
        mean, variance, count = moments(x, axes)
        y = tf.nn.batch_normalization(tf.cast(x, mean.dtype), mean, variance, beta, gamma, NORM_EPSILON)
        return tf.cast(y, x.dtype), mean, variance * count / tf.maximum(count - 1, 1)
    if x.dtype.name in FUSED:
        # The raw operation: the public one raises epsilon to 1.001e-5.
        return tuple(
            tf.raw_ops.FusedBatchNormV3(x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=NORM_EPSILON)[:3]
        )
    mean, variance = tf.nn.moments(x, axes)
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), x.dtype)
    y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, NORM_EPSILON)
    return y, mean, variance * count / tf.maximum(count - 1, 1)


def _normalize(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any) -> Any:
    """x normalized by the moving statistics."""
    if x.dtype.name in FUSED:
        return tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=NORM_EPSILON, is_training=False
        )
    return (tf.nn.batch_normalization(x, mean, variance, beta, gamma, NORM_EPSILON),)


def ensure_built(model: Any, spec: Spec) -> Any:
    """The model with its variables, which a model without an `Input` creates only in its first call."""
    if not model.built:
        zeros = tf.zeros((1, *spec.input_shape), keras.config.floatx())
        model(example(spec, 1) if spec.named_inputs else zeros, training=False)
    return model


def list_layers(model: Any) -> list[Layer]:
    """The layers in forward order with their output shapes; nested models are opened. Variables are counted once, also
    those that are frozen; those of a model itself come after its layers.
    """
    return _rows(model, "model", set())


def _rows(model: Any, name: str, counted: set[int]) -> list[Layer]:
    rows: list[Layer] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.Model) and layer.layers:
            rows += _rows(layer, layer.name, counted)
        else:
            count = _count(layer._flatten_layers(), counted)
            rows.append(Layer(layer.name, type(layer).__name__, _output(layer), count))
    own = _count([model], counted)
    return [*rows, *([Layer(name, type(model).__name__, _output(model), own)] if own else [])]


def _count(layers: Iterable[Any], counted: set[int]) -> int:
    """The size of the variables of layers that training is for and that have not been counted yet. Asked for trainable
    ones, Keras leaves out those of layers that are frozen.
    """
    variables = [variable for layer in layers for variable in layer._trainable_variables]
    new = {id(variable): variable for variable in variables if id(variable) not in counted}
    counted.update(new)
    return sum(_size(variable.shape) for variable in new.values())


def _output(layer: Any) -> tuple[int, ...]:
    """The shape of one sample's output; () where Keras does not know it."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return ()
    return tuple(int(size or 0) for size in shape[1:])


def _size(shape: Iterable[int]) -> int:
    count = 1
    for size in shape:
        count *= int(size)
    return count


def embedding(name: str, size: int, width: int) -> Any:
    """A table of vectors, uniform with the variance 1 / width."""
    limit = kernel_limit(width, relu=False)
    initial = keras.initializers.RandomUniform(-limit, limit)
    return keras.layers.Embedding(size, width, embeddings_initializer=initial, name=name)
