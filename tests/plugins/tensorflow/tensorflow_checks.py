"""TensorFlow checks, in a process of their own: `python -m tests.plugins.tensorflow.tensorflow_checks NAME...`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Data, EpochPlan, Model, Spec, Split
from dltui.core.errors import RunError
from dltui.core.machine import nvidia
from dltui.core.train.plan import Planner
from dltui.plugins import tensorflow as plugin
from dltui.plugins.tensorflow import session
from tests.plugins.twin_child import image_spec, make_data

BACKEND = plugin.TensorFlowBackend()
MODELS = {model.name: model for model in plugin.dltui_models()}
DROPOUT = {"dropout": 0.3, "optimizer": "adamw", "lr": 0.001, "weight_decay": 0.01, "batch_size": 32}


def make(name: str, data: Data, **config: Any) -> tuple[Any, Planner]:
    """A built-in model on the CPU and the planner of its run."""
    checked = MODELS[name].config.model_validate({"threads": 2} | config)
    return BACKEND.trainable(MODELS[name], checked, data, "cpu"), Planner(checked, len(data.train))


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key in one:
        assert one[key].dtype == other[key].dtype, key
        assert one[key].tobytes() == other[key].tobytes(), key


def check_starts_without_what_no_run_uses() -> None:
    """Keras would import them for plots and wrappers. A plugin can import them still."""
    import importlib

    session.import_framework()
    assert not set(session.UNUSED) & set(sys.modules)
    for name in session.UNUSED:
        assert importlib.import_module(name).__name__ == name


def check_convolutions_use_onednn() -> None:
    """On each processor; TensorFlow's own default is on some of them only."""
    import platform

    from tensorflow.python.framework import test_util

    if (sys.platform, platform.machine()) == ("linux", "x86_64"):
        assert test_util.IsMklEnabled()


def check_resume_mid_epoch() -> None:
    """Three steps, then a fresh model that takes over the state, give what eight steps in one go give."""
    data = make_data(image_spec(16))
    for name in ("mlp", "cnn"):
        whole, planner = make(name, data, **DROPOUT)
        whole.begin_epoch(planner.epoch(0))
        losses = whole.advance(8).loss
        first, _ = make(name, data, **DROPOUT)
        first.begin_epoch(planner.epoch(0))
        before = first.advance(3).loss
        saved = first.state()
        assert any(key.startswith("rng/") for key in saved)
        second, _ = make(name, data, **DROPOUT | {"seed": 5})
        second.load_state(saved)
        second.begin_epoch(planner.epoch(0, skip=3))
        after = second.advance(5).loss
        assert np.concatenate([before, after]).tobytes() == losses.tobytes()
        assert_same(whole.state(), second.state())


def check_chunks_do_not_matter() -> None:
    """Any lengths of chunks, a plan that shrinks, an evaluation in between: one trace and the same numbers."""
    data = make_data(image_spec(16))
    whole, planner = make("cnn", data, **DROPOUT)
    whole.begin_epoch(planner.epoch(0))
    together = whole.advance(9)
    parts, _ = make("cnn", data, **DROPOUT)
    parts.begin_epoch(planner.epoch(0))
    pieces = [parts.advance(1), parts.advance(4)]
    parts.predict("validation", slice(0, 50))
    parts.begin_epoch(planner.epoch(0, skip=5))
    pieces += [parts.advance(2), parts.advance(1), parts.advance(1)]
    assert parts._chunk.experimental_get_tracing_count() == 1
    assert np.concatenate([piece.loss for piece in pieces]).tobytes() == together.loss.tobytes()
    right = np.concatenate([piece.metrics["accuracy"] for piece in pieces])
    assert right.tobytes() == together.metrics["accuracy"].tobytes()
    assert ((right == np.round(right)) & (right >= 0) & (right <= 32)).all()
    assert_same(whole.state(), parts.state())


def check_predict_changes_nothing() -> None:
    data = make_data(image_spec(16))
    trainable, planner = make("cnn", data, **DROPOUT)
    trainable.begin_epoch(planner.epoch(0))
    trainable.advance(2)
    before = trainable.state()
    outputs = trainable.predict("test", slice(0, 200))
    assert (outputs.shape, outputs.dtype) == ((200, 10), np.float32)
    assert outputs.tobytes() == trainable.predict("test", slice(0, 200)).tobytes()
    assert_same(before, trainable.state())
    kept = before["weights/conv1/kernel"].copy()
    trainable.advance(3)
    assert kept.tobytes() == before["weights/conv1/kernel"].tobytes()
    assert kept.tobytes() != trainable.state()["weights/conv1/kernel"].tobytes()


def check_shapes() -> None:
    """Small, usual and colored images; two classes and a hundred; the listed parameters are those that train."""
    for height, channels, classes in ((8, 1, 2), (28, 1, 100), (32, 3, 10)):
        data = make_data(image_spec(height, channels, classes), 70)
        for name in ("softmax", "mlp", "cnn"):
            trainable, planner = make(name, data, batch_size=32)
            trainable.begin_epoch(planner.epoch(0))
            assert np.isfinite(trainable.advance(2).loss).all()
            assert trainable.predict("validation", slice(40, 50)).shape == (10, classes)
            layers = trainable.layers()
            assert layers[-1].output == (classes,)
            trained = sum(int(np.prod(weight.shape)) for weight in trainable.model.trainable_variables)
            assert sum(layer.parameters for layer in layers) == trained
            listed = BACKEND.layers(MODELS[name], MODELS[name].config(), data.spec)
            assert list(listed) == list(layers)


def digits() -> Data:
    """scikit-learn's digits, 8x8."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images = (x.reshape(-1, 8, 8, 1) * 15).astype(np.uint8)
    names = tuple("0123456789")
    spec = Spec("classification", (8, 8, 1), 10, names, (float(images.mean()),), (float(images.std()),))
    ids = np.arange(len(y))
    first, second, third = slice(0, 1297), slice(1297, 1497), slice(1497, None)
    parts = [Split(images[part], y[part].astype(np.int64), ids[part]) for part in (first, second, third)]
    return Data("digits", spec, *parts, "none")


def check_learns() -> None:
    data = digits()
    for name, wanted in (("softmax", 0.85), ("mlp", 0.9), ("cnn", 0.93)):
        trainable, planner = make(name, data, epochs=8, batch_size=64, lr=0.05)
        losses = []
        for epoch in range(planner.epochs):
            trainable.begin_epoch(planner.epoch(epoch))
            losses.append(trainable.advance(planner.steps_per_epoch).loss.mean())
        assert losses[-1] < 0.5 * losses[0], (name, losses)
        outputs = trainable.predict("test", slice(0, len(data.test)))
        assert np.mean(outputs.argmax(1) == data.test.y) > wanted, name


def check_recovers_a_line() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(2000, 2)).astype(np.float32)
    y = (x @ np.array([[2.0], [-3.4]]) + 4.2 + random.normal(0, 0.01, (2000, 1))).astype(np.float32)
    part = Split(x, y, np.arange(len(x)))
    data = Data("lines", Spec("regression", (2,), 1, (), (0.0, 0.0), (1.0, 1.0)), part, part, part, "none")
    trainable, planner = make("linear-regression", data, epochs=10)
    for epoch in range(planner.epochs):
        trainable.begin_epoch(planner.epoch(epoch))
        stats = trainable.advance(planner.steps_per_epoch)
    assert stats.metrics["mse"] == pytest.approx(stats.loss, rel=1e-6)
    state = trainable.state()
    np.testing.assert_allclose(state["weights/dense/kernel"].ravel(), [2.0, -3.4], atol=2e-3)
    np.testing.assert_allclose(state["weights/dense/bias"], [4.2], atol=2e-3)


def check_misfits() -> None:
    """A state that does not fit is refused by name, and nothing of it is taken."""
    trainable, _ = make("softmax", make_data(image_spec(8)), batch_size=32)
    before = trainable.state()
    good = {"weights/dense/bias": np.ones(10, np.float32)}
    for bad in ({"weights/other/bias": np.ones(10)}, {"weights/dense/kernel": np.ones((3, 10))}):
        with pytest.raises(RunError, match=next(iter(bad))):
            trainable.load_state(good | bad)
        assert_same(before, trainable.state())
    trainable.load_state(good)
    assert_same(before | good, trainable.state())


def check_samples_and_the_room_of_a_gpu() -> None:
    """Half of what is free at most, and 4 GiB; as much where no driver tells. Others are read from their file."""
    from dltui.plugins.tensorflow import samples

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = Path(folder) / "x.npy"
        np.save(file, np.zeros((100, 4), np.float32))
        x = np.load(file, mmap_mode="r")
        for free, stays in ((2 * x.nbytes, False), (2 * x.nbytes - 2, True), (None, False)):
            gpus = [nvidia.Gpu("GPU-a", "A", free_bytes=1 << 50), nvidia.Gpu("GPU-b", "B", free_bytes=free)]
            patch.setattr(nvidia, "gpus", lambda gpus=gpus: gpus)
            assert isinstance(samples.placed(x, "/GPU:1"), np.memmap) is stays
            assert not isinstance(samples.placed(np.array(x), "/GPU:1"), np.memmap)
        assert samples._room("/GPU:0") == samples._room("/GPU:7") == samples.GPU_BYTES


def check_fewer_slots() -> None:
    """A fork may freeze layers or leave momentum out, and takes no other state of the optimizer than its own."""
    data = make_data(image_spec(8))
    first, planner = make("cnn", data, batch_size=32)
    first.begin_epoch(planner.epoch(0))
    first.advance(2)
    saved = first.state()
    for changes in ({"freeze": "conv*", "ema": 0.9}, {"momentum": 0.0}, {"freeze": "conv1", "unfreeze_at": 2}):
        fork, planner = make("cnn", data, batch_size=32, epochs=3, **changes)
        fork.load_state(saved)
        found = fork.state()
        assert {key: array.tobytes() for key, array in saved.items() if key in found} == {
            key: found[key].tobytes() for key in saved if key in found
        }
        fork.begin_epoch(planner.epoch(0))
        assert np.isfinite(fork.advance(2).loss).all()
        with pytest.raises(RunError, match="optimizer/other/kernel/momentum is not part of this model"):
            fork.load_state(saved | {"optimizer/other/kernel/momentum": np.ones(3)})


def check_forks_that_train_other_layers() -> None:
    """An optimizer that counted other steps for them begins anew, and says so: zeros of a layer that was frozen,
    corrected for many steps, would make updates of three times lr.
    """
    from dltui.plugins.tensorflow.optimizers.late import ANEW

    data = make_data(image_spec(16), 64)
    plain = {"batch_size": 32, "lr": 0.001, "weight_decay": 0.0, "epochs": 3, "optimizer": "adamw"}
    frozen: dict[str, Any] = {"freeze": "conv1 norm1"}
    late = {**frozen, "unfreeze_at": 2}
    anews: list[tuple[dict[str, Any], dict[str, Any], bool]] = [(frozen, {}, True), (late, {}, True)]
    for of_parent, of_fork, anew in (*anews, (frozen, frozen, False), (frozen, late, False), (late, frozen, False)):
        parent, planner = make("cnn", data, **plain, **of_parent)
        parent.begin_epoch(planner.epoch(0))
        parent.advance(2)
        fork, planner = make("cnn", data, **plain, **of_fork)
        fork.load_state(parent.state() | {"optimizer/step": np.array(2000)})
        before = fork.state()
        assert int(before["optimizer/step"]) == (0 if anew else 2000)
        assert int(before.get("optimizer/late_step", 0)) == 0
        assert list(fork.begin_epoch(planner.epoch(0))) == ([ANEW] if anew else [])
        fork.advance(1)
        assert not list(fork.begin_epoch(planner.epoch(0, skip=1)))
        if anew:
            moved = np.abs(fork.state()["weights/norm1/gamma"] - before["weights/norm1/gamma"]).max()
            assert moved < 1.01 * plain["lr"], (of_parent, moved)


def check_devices() -> None:
    import tensorflow as tf

    listed = BACKEND.devices()
    assert listed[0] == {"device": "cpu", "name": "CPU", "problem": None}
    data = make_data(image_spec(8))
    model = MODELS["softmax"]
    with pytest.raises(RunError, match="cannot train on mps"):
        BACKEND.trainable(model, model.config(threads=1), data, "mps")
    if not tf.config.list_physical_devices("GPU"):
        with pytest.raises(RunError, match="--device cpu"):
            BACKEND.trainable(model, model.config(threads=1), data, "cuda")
    fewer: Any = SimpleNamespace(config=SimpleNamespace(list_physical_devices=lambda kind: ["GPU:0"]))
    with pytest.raises(RunError, match=r"^TensorFlow sees 1 GPU of 2 \(worker.log may say why\); choose fewer with"):
        session._use_device(fewer, "cuda", 2)
    BACKEND.trainable(model, model.config(threads=1), data, "cpu")
    assert tf.config.threading.get_intra_op_parallelism_threads() == 1


def check_own_parts() -> None:
    """A model without an Input that brings its own loss and a Keras optimizer, with a regulariser and an embedding."""
    from dltui.plugins.tensorflow.session import import_framework

    tf = import_framework()
    import keras

    class Net(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.places = keras.layers.Embedding(64, 4, name="places")
            self.out = keras.layers.Dense(10, kernel_regularizer=keras.regularizers.L2(0.5), name="out")

        def call(self, x: Any, training: bool = False) -> Any:
            flat = tf.reshape(x, (-1, 64, 1))
            return self.out(tf.reduce_mean(flat * self.places(tf.range(64)), axis=1))

        def training_loss(self, outputs: Any, labels: Any) -> Any:
            return tf.reduce_mean(tf.abs(outputs)) * 0 + 7.0

        def configure_optimizer(self, config: Any) -> Any:
            return keras.optimizers.SGD(config.lr)

    model = Model("net", "net", "tensorflow", "classification", "", MODELS["softmax"].config, lambda c, s: Net())
    config = model.config(batch_size=32, threads=2)
    data = make_data(image_spec(8))
    trainable = BACKEND.trainable(model, config, data, "cpu")
    before = trainable.state()
    indices = np.arange(64, dtype=np.int32).reshape(2, 32)
    trainable.begin_epoch(EpochPlan(0, 0, indices, np.full(2, 0.25, np.float32)))
    stats = trainable.advance(1)
    assert stats.loss.tolist() == [7.0 * 32]
    # The gradient is the regulariser's alone, 2 * 0.5 * kernel, at the plan's learning rate.
    kernel = before["weights/out/kernel"]
    np.testing.assert_allclose(trainable.state()["weights/out/kernel"], kernel * (1 - 0.25), rtol=1e-6)
    saved = trainable.state()
    trainable.advance(1)
    trainable.load_state(saved)
    assert_same(saved, trainable.state())


def check_constants_are_exported() -> None:
    """To ONNX too go the tensors that are neither weights nor numbers, as Keras's Normalization has them."""
    from dltui.plugins.tensorflow.session import import_framework

    import_framework()
    import keras
    import onnxruntime

    def build(config: Any, spec: Any) -> Any:
        layers = [keras.Input(spec.input_shape), keras.layers.Normalization(mean=0.5, variance=4.0)]
        return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10, name="out")])

    model = Model("net", "net", "tensorflow", "classification", "", MODELS["softmax"].config, build)
    data = make_data(image_spec(8))
    trainable = BACKEND.trainable(model, model.config(batch_size=32, threads=2), data, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.onnx"
        BACKEND.convert(trainable, data.spec, "onnx", target)
        session = onnxruntime.InferenceSession(str(target))
    found = session.run(None, {"samples": data.test.x[:3].astype(np.float32)})[0]
    np.testing.assert_allclose(found, trainable.predict("test", slice(0, 3)), rtol=1e-4, atol=1e-5)


def check_a_large_mean_is_exported() -> None:
    """What is exported has the outputs of training where a mean is large beside its deviation, as of times."""
    from dltui.plugins.tensorflow.session import import_framework

    import_framework()
    import keras

    from dltui.plugins.tensorflow.inputs import portable

    mean, std = (1.7e9, 5.0), (3e5, 2.0)
    x = np.float32(np.random.default_rng(0).normal(mean, std, (64, 2)))
    wanted = (x - np.float32(mean)) / np.float32(std)
    for places in ([0, 1], [0]):
        samples = keras.Input((len(places),))
        scaled = portable.normalized(samples, *(tuple(values[place] for place in places) for values in (mean, std)))
        found = keras.Model(samples, scaled)(x[:, places]).numpy()
        np.testing.assert_allclose(found, wanted[:, places], rtol=1e-6)


def check_batch_norm() -> None:
    """Training outputs by the biased variance, moving statistics by the unbiased one, in both precisions."""
    from dltui.plugins.tensorflow.session import import_framework

    tf = import_framework()
    from dltui.plugins.tensorflow.layers import BatchNorm

    random = np.random.default_rng(0)
    x = random.normal(3.0, 2.0, (2, 3, 4, 5))
    flat = x.reshape(-1, 5)
    for kind, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        layer = BatchNorm(dtype=kind)
        y = layer(tf.constant(x, kind), training=True).numpy()
        expected = (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
        np.testing.assert_allclose(y, expected, rtol=tolerance, atol=tolerance)
        moving = layer.moving_mean.numpy(), layer.moving_variance.numpy()
        np.testing.assert_allclose(moving[0], 0.1 * flat.mean(0), rtol=tolerance)
        np.testing.assert_allclose(moving[1], 0.9 + 0.1 * flat.var(0, ddof=1), rtol=tolerance)
        expected = (x - moving[0]) / np.sqrt(moving[1] + 1e-5)
        np.testing.assert_allclose(layer(tf.constant(x, kind)).numpy(), expected, rtol=tolerance, atol=tolerance)


def check_sums_are_recorded() -> None:
    """A heat map looks at the sum of a residual block, which Keras gives a list."""
    spec = image_spec()
    trainable, _ = make("cnn-small", make_data(spec), channels=[4, 4, 4])
    from dltui.plugins.tensorflow.inside.calls import recorded

    with recorded(trainable.model) as calls:
        trainable.model(trainable.inputs("test", slice(0, 2)), training=False)
    assert "Add" in {type(call.layer).__name__ for call in calls}


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
