"""What plugin authors bring to TensorFlow: losses, steps, optimizers and models of their own. Run like
`tensorflow_checks`."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Data, Model, Spec
from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError
from dltui.core.tasks.classification.arithmetic import PROBABILITIES
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train import first_look
from dltui.core.train.plan import Planner
from dltui.plugins.tensorflow import TensorFlowBackend, session
from tests.plugins import named_checks, named_loss_checks
from tests.plugins.twin_child import image_spec, make_data

tf = session.import_framework()
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

DATA = make_data(image_spec(8), 128)
LINES = make_data(Spec("regression", (3,), 1), 64)
BACKEND = TensorFlowBackend()


def trainable(build: Callable[[Any, Spec], Any], data: Data = DATA, **config: Any) -> tuple[Any, Planner]:
    asked = TrainConfig.model_validate({"threads": 2, "batch_size": 32, "lr": 0.01} | config)
    model = Model("own", "own", "tensorflow", data.spec.task, "", TrainConfig, build)
    return BACKEND.trainable(model, asked, data, "cpu"), Planner(asked, len(data.train))


def net(head: Callable[[Any], Any] = lambda y: y, constraint: Any = None, **methods: Any) -> Callable[[Any, Spec], Any]:
    """One dense layer on flat samples, with these methods; `head` follows it."""

    def build(config: Any, spec: Spec) -> Any:
        inputs = layers.Input(spec.input_shape)
        outputs = layers.Dense(spec.outputs, kernel_constraint=constraint)(layers.Flatten()(inputs))
        return type("Net", (keras.Model,), methods)(inputs, head(outputs))

    return build


def trained(build: Callable[[Any, Spec], Any], steps: int, data: Data = DATA, **config: Any) -> Any:
    found, planner = trainable(build, data, **config)
    found.begin_epoch(planner.epoch(0))
    found.advance(steps)
    return found


def look(found: Any, data: Data = DATA) -> list[str]:
    return first_look.look(found, data, None, choose_monitor(data.spec.task))


def refused(words: str, build: Callable[[Any, Spec], Any], data: Data = DATA) -> None:
    """Refused when it is built, at the first look, or else in the first step."""

    def try_it() -> None:
        found, planner = trainable(build, data)
        look(found, data)
        found.begin_epoch(planner.epoch(0))
        found.advance(1)

    with pytest.raises(RunError, match=words):
        try_it()


def cross_entropy(outputs: Any, targets: Any) -> Any:
    return ops.mean(keras.losses.sparse_categorical_crossentropy(targets, outputs, from_logits=True))


def check_own_loss_is_evaluated() -> None:
    found, _ = trainable(net(training_loss=lambda self, outputs, targets: 7 + 0 * ops.mean(outputs)))
    assert found.own_loss
    outputs, value = found.evaluate("validation", slice(3, 20))
    assert value == {"loss": 7.0}
    assert np.array_equal(outputs, found.predict("validation", slice(3, 20)))
    plain, _ = trainable(net())
    assert not plain.own_loss
    outputs, value = plain.evaluate("test", slice(0, 40))
    assert value["loss"] == pytest.approx(float(cross_entropy(outputs, DATA.test.y[:40])), rel=1e-5)


def check_what_build_and_call_give() -> None:
    refused("build returned None; return the keras.Model", lambda config, spec: None)
    refused("build returned a Dense; return", lambda config, spec: layers.Dense(3))
    refused(r"gives float32 of shape \(n,\), wanted .* \(n, 1\)", net(layers.Reshape(())), LINES)
    refused(r"gives float32 of shape \(n, 9\), wanted .* \(n, 10\)", net(layers.Dense(9)))
    refused("gives a list of 2", net(lambda y: [y, y]))
    refused("gives a dict", net(lambda y: {"logits": y}))
    refused("gives int32", net(lambda y: ops.cast(y, "int32")))
    refused("gives NaN or infinity before anything is trained", net(lambda y: y * float("nan")))
    refused("no variable of this model can be trained", _frozen)
    assert look(trainable(net(layers.Softmax()))[0]) == [PROBABILITIES]
    assert look(trainable(net())[0]) == []


def _frozen(config: Any, spec: Spec) -> Any:
    model = net()(config, spec)
    model.trainable = False
    return model


def check_random_numbers_of_tensorflow() -> None:
    """The global generator is part of the state; what TensorFlow keeps to itself is told."""

    def drawn(draw: Callable[[Any], Any]) -> Callable[[Any, Spec], Any]:
        def step(self: Any, inputs: Any, targets: Any) -> Any:
            outputs = self(inputs, training=True)
            return cross_entropy(outputs, targets) + tf.reduce_mean(outputs) * draw(()), outputs

        return net(training_step=step)

    build = drawn(lambda shape: tf.random.get_global_generator().uniform(shape))
    whole, planner = trainable(build)
    assert whole.notes == ()
    whole.begin_epoch(planner.epoch(0))
    whole.advance(2)
    state = whole.state()
    whole.advance(2)
    expected = whole.state()
    resumed, _ = trainable(build)
    resumed.load_state(state)
    resumed.begin_epoch(planner.epoch(0, 2))
    resumed.advance(2)
    found = resumed.state()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert not np.array_equal(state["rng/tensorflow"], expected["rng/tensorflow"])
    (note,) = trainable(drawn(tf.random.uniform))[0].notes
    assert "by RandomUniform, whose state TensorFlow does not give out" in note
    own = tf.random.Generator.from_seed(3)
    (note,) = trainable(drawn(own.uniform))[0].notes
    assert "the model uses the variable StateVar:0, which no checkpoint holds" in note


def check_methods() -> None:
    def loss(change: Callable[[Any], Any]) -> Callable[[Any, Spec], Any]:
        return net(training_loss=lambda self, outputs, targets: change(cross_entropy(outputs, targets)))

    def step(change: Callable[[Any, Any], Any]) -> Callable[[Any, Spec], Any]:
        def training_step(self: Any, inputs: Any, targets: Any) -> Any:
            outputs = self(inputs, training=True)
            return change(cross_entropy(outputs, targets), outputs)

        return net(training_step=training_step)

    refused("as the loss; give the mean over the batch", loss(lambda value: ops.stack([value, value])))
    refused("gave None as the loss", loss(lambda value: None))
    refused("training_loss gives nan before anything", loss(lambda value: value * float("nan")))
    refused("as the loss; give the mean|training_step returned", step(lambda value, outputs: value))
    value_asked = "steps are compiled, and a tensor has no value until then"
    refused(value_asked, loss(lambda value: value * 2 if value > 1 else value))
    refused(value_asked, loss(lambda value: np.mean(np.asarray(value))))
    refused(value_asked, step(lambda value, outputs: (value + float(value), outputs)))
    refused(value_asked, step(lambda value, outputs: (value + outputs.numpy()[0], outputs)))
    refused("training_step returned a dict", step(lambda value, outputs: {"loss": value}))
    refused("did you mean training_step", net(train_step=lambda self, data: None))
    refused("did you mean training_loss", net(compute_loss=lambda self, x=None, y=None: None))
    refused("this one has y_true before y_pred", net(training_loss=lambda self, y_true, y_pred: y_pred))
    refused("configure_optimizer returned None", net(configure_optimizer=lambda self, config: None))
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    refused("Adam brings a schedule", net(configure_optimizer=lambda self, config: keras.optimizers.Adam(schedule)))


def check_notes() -> None:
    def compiled(config: Any, spec: Spec) -> Any:
        model = net()(config, spec)
        model.compile("adam", "mse")
        return model

    assert "was compiled" in trainable(compiled)[0].notes[0]
    ema = net(configure_optimizer=lambda self, config: keras.optimizers.AdamW(config.lr, use_ema=True))
    assert "use_ema" in trainable(ema)[0].notes[0]
    assert trainable(net())[0].notes == ()
    late = {"freeze": "body", "unfreeze_at": 2, "epochs": 2}
    (told,) = trainable(two_layers(keras.optimizers.Adam), **late)[0].notes
    assert told.startswith("Adam counts the same steps for all weights")
    assert trainable(two_layers(keras.optimizers.AdamW), **late)[0].notes[0].startswith("AdamW counts the same steps")
    assert trainable(two_layers(keras.optimizers.SGD), **late)[0].notes == ()
    # Its mean squares begin at zero, too, but are not corrected: its first updates are the same at any time.
    assert trainable(two_layers(keras.optimizers.RMSprop), **late)[0].notes == ()
    assert trainable(two_layers(wrapped(keras.optimizers.RMSprop)), **late)[0].notes == ()
    for optimizer in (wrapped(keras.optimizers.Adam), keras.optimizers.Lamb):
        (told,) = trainable(two_layers(optimizer), **late)[0].notes
        assert "counts the same steps for all weights" in told
    assert trainable(two_layers(keras.optimizers.Adam), freeze="body")[0].notes == ()


def _losses(outputs: Any, targets: Any) -> dict[str, Any]:
    first, second = cross_entropy(outputs, targets), 0.1 * ops.mean(ops.square(outputs))
    return {"loss": first + second, "fit": first, "size": second}


def check_named_losses() -> None:
    named_loss_checks.check_sums(_losses, net, trainable)


def check_misuse_of_named_losses() -> None:
    named_loss_checks.check_misuse(_losses, net, refused)


def wrapped(optimizer: Any) -> Callable[..., Any]:
    """An optimizer of Keras as its float16 policy wraps it."""
    return lambda *given, **named: keras.optimizers.LossScaleOptimizer(optimizer(*given, **named))


def check_rates() -> None:
    """A rate of the author's own is a part of lr, as in PyTorch."""

    def moved(**methods: Any) -> float:
        found, planner = trainable(net(**methods))
        before = found.state()
        found.begin_epoch(planner.epoch(0))
        found.advance(1)
        return max(float(np.abs(found.state()[k] - v).max()) for k, v in before.items() if k.startswith("weights/"))

    sgd = keras.optimizers.SGD
    one = moved(configure_optimizer=lambda self, config: sgd(config.lr))
    tenth = moved(configure_optimizer=lambda self, config: sgd(config.lr / 10))
    assert tenth == pytest.approx(one / 10, rel=1e-4)


def two_layers(optimizer: Any) -> Callable[[Any, Spec], Any]:
    """A body and a head, with an optimizer of Keras."""

    def build(config: Any, spec: Spec) -> Any:
        dense = [layers.Dense(4, name="body"), layers.Dense(spec.outputs, name="head")]
        model = keras.Sequential([layers.Input(spec.input_shape), layers.Flatten(), *dense], name="net")
        model.configure_optimizer = lambda config: optimizer(config.lr, name="adam")
        return model

    return build


def check_own_optimizer_and_frozen_layers() -> None:
    """A fork freezes a layer, of which the checkpoint has moments, and another fork unfreezes it."""
    build = two_layers(keras.optimizers.Adam)
    state = trained(build, 2).state()
    frozen, planner = trainable(build, freeze="body")
    frozen.load_state(state)
    frozen.begin_epoch(planner.epoch(0))
    frozen.advance(1)
    after = frozen.state()
    assert {key.rpartition("_")[0] for key in state.keys() - after.keys()} == {
        "optimizer/adam/net_body_kernel", "optimizer/adam/net_body_bias"
    }  # fmt: skip
    np.testing.assert_array_equal(after["weights/body/kernel"], state["weights/body/kernel"])
    assert not np.array_equal(after["weights/head/kernel"], state["weights/head/kernel"])
    whole, _ = trainable(build)
    whole.load_state(after)
    with pytest.raises(RunError, match="optimizer/adam/net_tail_kernel_momentum is not part of this model"):
        frozen.load_state(state | {"optimizer/adam/net_tail_kernel_momentum": np.zeros(1)})


def check_accuracy_of_masks_in_parts() -> None:
    """The share of right pixels of the whole batch, also where its parts have unlike numbers of pixels that count."""
    data = make_data(replace(image_spec(8, classes=3), task="segmentation"), 32)
    data.train.y[::2, 1:] = IGNORED

    def build(config: Any, spec: Spec) -> Any:
        return keras.Sequential([layers.Input(spec.input_shape), layers.Conv2D(spec.outputs, 1)])

    def told(parts: int) -> Any:
        found = trained(build, 0, data, batch_size=8, accumulate=parts)
        return found.advance(1).metrics["pixel_accuracy"]

    np.testing.assert_allclose(told(4), told(1), rtol=1e-12)


def check_constraints() -> None:
    """Obeyed after each step of every optimizer."""
    for settings in ({"optimizer": "sgd"}, {"optimizer": "adamw"}):
        state = trained(net(constraint=keras.constraints.NonNeg()), 3, **settings).state()
        assert min(state[key].min() for key in state if key.endswith("kernel")) >= 0
        assert any(key.startswith("optimizer/") for key in state)
    own = net(
        constraint=keras.constraints.MaxNorm(0.1),
        configure_optimizer=lambda self, config: keras.optimizers.SGD(config.lr),
    )
    kernel = next(array for key, array in trained(own, 3).state().items() if key.endswith("kernel"))
    assert np.linalg.norm(kernel, axis=0).max() < 0.1001


def scaled(kind: Any) -> Any:
    """A layer, or a model, with a weight of its own around another layer."""

    class Scaled(kind):  # type: ignore[misc]
        def __init__(self, units: int, constraint: Any = None, **named: Any) -> None:
            super().__init__(**named)
            self.inner = layers.Dense(units, name="inner")
            self.scale = self.add_weight(shape=(units,), initializer="ones", constraint=constraint, name="scale")

        def call(self, x: Any) -> Any:
            return self.inner(x) * self.scale

    return Scaled


def nested(kind: Any, constraint: Any = None) -> Callable[[Any, Spec], Any]:
    def build(config: Any, spec: Spec) -> Any:
        inside = [layers.Flatten(), kind(4, constraint, name="enc"), layers.Dense(spec.outputs, name="head")]
        return keras.Sequential([layers.Input(spec.input_shape), *inside], name="net")

    return build


def _changed(found: Any, before: Mapping[str, Any]) -> set[str]:
    """The weights that a step has changed."""
    after = found.state()
    return {key[8:] for key in before if key.startswith("weights/") and not np.array_equal(before[key], after[key])}


def check_frozen_parts_of_layers() -> None:
    """A weight of a layer is frozen without the layers inside, and at the end all of them are trained again."""
    head, inner = {"head/kernel", "head/bias"}, {"enc/inner/kernel", "enc/inner/bias"}
    for kind in map(scaled, (layers.Layer, keras.Model)):
        for pattern, rest in (("enc/scale", inner), ("enc", set()), ("enc/inner", {"enc/scale"})):
            found, planner = trainable(nested(kind), freeze=pattern, unfreeze_at=2, epochs=2)
            before = found.state()
            found.begin_epoch(planner.epoch(0))
            found.advance(1)
            assert _changed(found, before) == head | rest, (kind, pattern)
            between = found.state()
            found.begin_epoch(planner.epoch(1))
            found.advance(1)
            assert _changed(found, between) == head | inner | {"enc/scale"}, (kind, pattern)
        found, planner = trainable(nested(kind), freeze="enc/scale")
        before = found.state()
        found.begin_epoch(planner.epoch(0))
        found.advance(1)
        assert _changed(found, before) == head | inner, kind


def check_constraints_of_frozen_layers() -> None:
    """They are obeyed from the epoch on in which the layer is trained."""
    for optimizer in ("sgd", "adamw"):
        options: dict[str, Any] = {"freeze": "enc", "unfreeze_at": 2, "epochs": 2, "optimizer": optimizer}
        found, planner = trainable(nested(scaled(layers.Layer), keras.constraints.MaxNorm(0.5)), **options)
        found.begin_epoch(planner.epoch(0))
        found.advance(2)
        np.testing.assert_array_equal(found.state()["weights/enc/scale"], np.ones(4))
        found.begin_epoch(planner.epoch(1))
        found.advance(1)
        assert np.linalg.norm(found.state()["weights/enc/scale"]) < 0.5001


def check_random_numbers() -> None:
    """Of Python and NumPy, which what a model calls in Python draws from."""

    def call(self: Any, x: Any, training: bool = False) -> Any:
        if training:
            x = x * tf.numpy_function(lambda: np.float32(np.random.rand() + random.random()), [], tf.float32)
        return self.dense(ops.reshape(x, (-1, 64)))

    def build(config: Any, spec: Spec) -> Any:
        model = type("Net", (keras.Model,), {"call": call})()
        model.dense = layers.Dense(spec.outputs, name="dense")
        return model

    whole, planner = trainable(build)
    whole.begin_epoch(planner.epoch(0))
    losses = [float(whole.advance(1).loss[0]) for _ in range(4)]
    first = trained(build, 1)
    state = first.state()
    assert {"rng/python", "rng/numpy"} < state.keys()
    second, _ = trainable(build)
    second.load_state(state)
    second.begin_epoch(planner.epoch(0, 1))
    assert [float(second.advance(1).loss[0]) for _ in range(3)] == losses[1:]
    # A checkpoint of an earlier version has none of both.
    second.load_state({key: array for key, array in state.items() if key not in ("rng/python", "rng/numpy")})


def check_settings_of_the_user() -> None:
    """KERAS_BACKEND and keras.json of other work: whatever they say, models get what dltui is made for."""
    assert keras.config.backend() == "tensorflow"
    assert keras.config.floatx() == "float32"
    assert keras.config.image_data_format() == "channels_last"
    assert keras.config.epsilon() == 1e-7
    found = trained(lambda c, s: keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(10)]), 1)
    assert found.state()["weights/conv2d/kernel"].shape == (3, 3, 1, 4)


def check_named_inputs() -> None:
    named_checks.check_several_inputs("tensorflow")
    named_checks.check_what_is_fed("tensorflow")


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
