"""Models that authors write in unusual ways: layers that are built late, losses of layers, weights of a model itself.
Run like `tensorflow_checks`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from dltui.core.contract import Spec
from dltui.plugins.tensorflow import session

tf = session.import_framework()
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

from dltui.plugins.tensorflow.layers import list_layers  # noqa: E402
from tests.plugins.tensorflow.tensorflow_author_checks import (  # noqa: E402
    DATA,
    LINES,
    cross_entropy,
    refused,
    trainable,
    trained,
)


class Late(keras.Model):  # type: ignore[misc]
    """A layer `dec` that is not used in evaluation."""

    def __init__(self, spec: Spec, built: bool = False) -> None:
        super().__init__()
        self.flat, self.head = layers.Flatten(), layers.Dense(spec.outputs, name="head")
        self.dec = layers.Dense(spec.outputs, name="decoder")
        if built:
            self.dec.build((None, spec.outputs))

    def call(self, x: Any, training: bool = False) -> Any:
        return self.head(self.flat(x))


class InStep(Late):
    def training_step(self, inputs: Any, targets: Any) -> Any:
        outputs = self(inputs, training=True)
        return cross_entropy(self.dec(outputs), targets), outputs


class InTraining(Late):
    def call(self, x: Any, training: bool = False) -> Any:
        outputs = super().call(x)
        return self.dec(outputs) if training else outputs


def check_layers_that_are_built_late() -> None:
    advice = r"build it in __init__ \(self.dec.build\(...\)\) \(tensorflow_model_checks.py line \d+\)$"
    words = r"^training_step uses the layer dec, which call\(\) does not build; "
    refused(words + advice, lambda config, spec: InStep(spec))
    words = r"^call\(training=True\) uses the layer dec, which call\(training=False\) does not build; "
    refused(words + advice, lambda config, spec: InTraining(spec))
    for kind in (InStep, InTraining):
        found, planner = trainable(lambda config, spec, kind=kind: kind(spec, built=True))
        before = found.state()
        found.begin_epoch(planner.epoch(0))
        found.advance(1)
        after = found.state()
        assert not np.array_equal(before["weights/decoder/kernel"], after["weights/decoder/kernel"]), kind


def _in_the_middle(layer: Any) -> Any:
    def build(config: Any, spec: Spec) -> Any:
        inside = [layers.Flatten(name="flat"), layer(name="middle"), layers.Dense(spec.outputs, name="head")]
        return keras.Sequential([layers.Input(spec.input_shape), *inside])

    return build


def check_a_layer_with_an_attribute_called_layers() -> None:
    class Counted(layers.Layer):  # type: ignore[misc]
        def __init__(self, **named: Any) -> None:
            super().__init__(**named)
            self.layers = 3

        def call(self, x: Any) -> Any:
            return x

    class Stack(layers.Layer):  # type: ignore[misc]
        def __init__(self, **named: Any) -> None:
            super().__init__(**named)
            self.layers = [layers.Dense(4), layers.Dense(5)]

        def call(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    rows = [(row.name, row.parameters) for row in trainable(_in_the_middle(Counted))[0].layers()]
    assert rows == [("flat", 0), ("middle", 0), ("head", 650)]
    rows = [(row.name, row.parameters) for row in trainable(_in_the_middle(Stack))[0].layers()][1:]
    assert rows == [("middle", 64 * 4 + 4 + 4 * 5 + 5), ("head", 60)]


class Costly(layers.Layer):  # type: ignore[misc]
    """Adds a loss for each sample, in whatever precision it computes."""

    def call(self, x: Any) -> Any:
        self.add_loss(0.5 * ops.mean(ops.square(x), axis=-1))
        return x


def check_losses_of_layers() -> None:
    """A vector counts as its sum, as Keras has it."""
    kernels = {}
    for name, layer in (("vector", Costly), ("none", layers.Identity), ("half", Costly)):
        build = _costly_head(layer)
        found = trained(build, 2, LINES, precision="bf16" if name == "half" else "fp32", optimizer="sgd", momentum=0.0)
        kernels[name] = np.abs(found.state()["weights/head/kernel"]).sum()
    assert kernels["vector"] < kernels["none"]
    assert kernels["half"] < kernels["none"]


def _costly_head(layer: Any) -> Any:
    def build(config: Any, spec: Spec) -> Any:
        head = layers.Dense(spec.outputs, kernel_initializer="ones", name="head")
        return keras.Sequential([layers.Input(spec.input_shape), head, layer()])

    return build


class Own(keras.Model):  # type: ignore[misc]
    """A model with a weight of its own, and with nothing else."""

    def __init__(self, spec: Spec, **named: Any) -> None:
        super().__init__(**named)
        self.kernel = self.add_weight(shape=(int(np.prod(spec.input_shape)), spec.outputs), name="kernel")

    def call(self, x: Any) -> Any:
        return ops.matmul(ops.reshape(x, (-1, self.kernel.shape[0])), self.kernel)


def check_parameters_of_a_model_itself() -> None:
    found, _ = trainable(lambda config, spec: Own(spec))
    assert [(row.name, row.kind, row.parameters) for row in found.layers()] == [("model", "Own", 640)]
    inside = keras.Sequential([layers.Input((8, 8, 1)), Own(DATA.spec, name="inner"), layers.Dense(3, name="head")])
    assert [(row.name, row.parameters) for row in list_layers(inside)] == [("inner", 640), ("head", 33)]


def check_frozen_and_shared_layers_are_counted() -> None:
    x = layers.Input((64,))
    body, norm = layers.Dense(64, name="body", trainable=False), layers.BatchNormalization(name="norm")
    inner_x = layers.Input((64,))
    inner = keras.Model(inner_x, layers.Dense(2, name="last")(body(inner_x)), name="inner")
    model = keras.Model(x, inner(norm(body(x))))
    # Moving statistics are not trained.
    counts = [("body", 64 * 64 + 64), ("norm", 128), ("body", 0), ("last", 130)]
    assert [(row.name, row.parameters) for row in list_layers(model)] == counts
    norm.trainable = False
    assert [(row.name, row.parameters) for row in list_layers(model)] == counts


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
