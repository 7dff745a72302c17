"""Checks of several replicas, which need TensorFlow: `python -m tests.plugins.tensorflow.tensorflow_replica_checks
NAME...`. The processor is divided into four devices, of which a run on one device takes the first.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np

from dltui.core.contract import Data
from dltui.core.train.plan import Planner
from dltui.plugins import tensorflow as plugin
from dltui.plugins.tensorflow import session
from tests.plugins.twin_child import image_spec, make_data

MODELS = {model.name: model for model in plugin.dltui_models()}
SETTINGS = {"batch_size": 30, "threads": 1, "lr": 0.02, "optimizer": "sgd", "augment": "shift", "epochs": 40}


def make(replicas: int, data: Data, model: str = "cnn", build: Any = None, **config: Any) -> tuple[Any, Planner]:
    checked = MODELS[model].config.model_validate(SETTINGS | config)
    session.import_framework()
    import keras

    keras.config.set_floatx("float64")
    name = session.start(checked, "cpu", 4)
    from dltui.plugins.tensorflow.trainable import KerasTrainable

    trainable = KerasTrainable(build or MODELS[model].build, checked, data, name, replicas)
    return trainable, Planner(checked, len(data.train), shape=data.spec.input_shape)


def losses(trainable: Any, planner: Planner, first: int, last: int) -> list[float]:
    """The losses of global steps, in chunks of three."""
    found: list[float] = []
    while first + len(found) < last:
        epoch, skip = divmod(first + len(found), planner.steps_per_epoch)
        plan = planner.epoch(epoch, skip)
        plan = plan.rows(slice(0, last - first - len(found)))
        trainable.begin_epoch(plan)
        done = 0
        while done < plan.steps:
            stats = trainable.advance(min(3, plan.steps - done))
            done += len(stats.loss)
            found += (stats.loss / planner.batch).tolist()
    return found


def check_two_equal_one() -> None:
    data = make_data(image_spec(16), 150)
    for more in (
        {},
        {"dropout": 0.3, "mixup": 0.4, "cutmix": 0.5, "label_smoothing": 0.1, "accumulate": 4, "ema": 0.9,
         "clip_norm": 0.5, "class_weights": "balanced", "batch_size": 31, "optimizer": "adamw", "lr": 0.001},
    ):  # fmt: skip
        alone, planner = make(1, data, **more)
        expected, state = losses(alone, planner, 0, 9), alone.state()
        both, _ = make(2, data, **more)
        np.testing.assert_allclose(losses(both, planner, 0, 9), expected, rtol=1e-8)
        found = both.state()
        assert found.keys() == state.keys()
        for key, value in state.items():
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6, err_msg=key)
        outputs = both.predict("test", slice(0, 40))
        np.testing.assert_allclose(outputs, alone.predict("test", slice(0, 40)), rtol=1e-4, atol=1e-5)


def check_from_two_to_one() -> None:
    """In the middle of an epoch, and back."""
    data = make_data(image_spec(16), 150)
    alone, planner = make(1, data, dropout=0.2)
    expected = losses(alone, planner, 0, 12)
    both, _ = make(2, data, dropout=0.2)
    found = losses(both, planner, 0, 4)
    one, _ = make(1, data, dropout=0.2)
    one.load_state(both.state())
    found += losses(one, planner, 4, 8)
    again, _ = make(2, data, dropout=0.2)
    again.load_state(one.state())
    found += losses(again, planner, 8, 12)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def check_a_hundred_steps() -> None:
    """As one, and from two to one in the middle of an epoch."""
    data, planner, expected = _a_hundred()
    whole, _ = make(2, data)
    np.testing.assert_allclose(losses(whole, planner, 0, 100), expected, rtol=1e-8)
    both, _ = make(2, data)
    found = losses(both, planner, 0, 52)
    one, _ = make(1, data)
    one.load_state(both.state())
    found += losses(one, planner, 52, 100)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def check_a_hundred_steps_of_four() -> None:
    """In a process of its own: replicas of a process are always as many."""
    data, planner, expected = _a_hundred()
    several, _ = make(4, data)
    np.testing.assert_allclose(losses(several, planner, 0, 100), expected, rtol=1e-8)


def _a_hundred() -> tuple[Data, Planner, list[float]]:
    """Data, and the losses of a hundred steps on one device."""
    data = make_data(image_spec(16), 150)
    alone, planner = make(1, data)
    return data, planner, losses(alone, planner, 0, 100)


def check_keras_layers_and_masks() -> None:
    """Batch norm of Keras's own, dropout of whole channels, and a loss over the pixels that count."""
    import keras

    def build(config: Any, spec: Any) -> Any:
        layers = keras.layers
        return keras.Sequential([
            layers.Input(spec.input_shape), layers.Conv2D(4, 3, padding="same", name="a"),
            layers.BatchNormalization(name="b"), layers.ReLU(), layers.SpatialDropout2D(0.4, seed=3, name="d"),
            layers.Conv2D(spec.outputs, 1, name="c"),
        ])  # fmt: skip

    spec = replace(image_spec(12, classes=3), task="segmentation")
    data = make_data(spec, 90)
    expected = losses(*make(1, data, build=build, batch_size=9), 0, 8)
    np.testing.assert_allclose(losses(*make(2, data, build=build, batch_size=9), 0, 8), expected, rtol=1e-8)


def check_named_losses() -> None:
    """Of shares that differ in size, and of parts: those of one device."""
    import keras
    from keras import ops

    class Parted(keras.Sequential):  # type: ignore[misc]
        def training_loss(self, outputs: Any, targets: Any) -> dict[str, Any]:
            labels = ops.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
            fit = -ops.mean(ops.sum(labels * ops.log_softmax(outputs), axis=-1))
            size = ops.mean(ops.square(outputs))
            return {"loss": fit + 0.1 * size, "fit": fit, "size": size}

    def build(config: Any, spec: Any) -> Any:
        layers = keras.layers
        return Parted([layers.Input(spec.input_shape), layers.Flatten(), layers.Dense(spec.outputs, name="a")])

    def told(replicas: int, **settings: Any) -> dict[str, Any]:
        trainable, planner = make(replicas, data, build=build, augment="none", **settings)
        trainable.begin_epoch(planner.epoch(0))
        stats = trainable.advance(3)
        _, means = trainable.evaluate("validation", slice(0, 9))
        return {"loss": stats.loss, **stats.metrics, **{f"validation {name}": one for name, one in means.items()}}

    data = make_data(image_spec(8), 40)
    for settings in ({"batch_size": 9}, {"batch_size": 9, "accumulate": 2}):
        alone, both = told(1, **settings), told(2, **settings)
        assert {"fit", "size", "validation fit"} <= alone.keys() == both.keys()
        for name, value in alone.items():
            np.testing.assert_allclose(both[name], value, rtol=1e-6, err_msg=name)


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
