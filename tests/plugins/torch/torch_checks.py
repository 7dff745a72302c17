"""Checks that need PyTorch, run without TensorFlow: `python -m tests.plugins.torch.torch_checks NAME...`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dltui.core.contract import Data, EpochPlan, Spec, Split
from dltui.core.errors import RunError
from dltui.plugins.torch import session
from dltui.plugins.torch.trainable import TorchTrainable
from tests.plugins.torch.torch_setting import BACKEND, MODELS, assert_same, make
from tests.plugins.twin_child import image_spec, make_data

DROPOUT = {"dropout": 0.3, "optimizer": "adamw", "lr": 0.001, "weight_decay": 0.01, "batch_size": 32, "threads": 2}


def frozen(data: Data) -> Data:
    """The same data in memory that cannot be written, as a memory-mapped file is."""

    def lock(split: Split) -> Split:
        x, y = split.x.copy(), split.y.copy()
        x.flags.writeable = y.flags.writeable = False
        return replace(split, x=x, y=y)

    return replace(data, train=lock(data.train), validation=lock(data.validation), test=lock(data.test))


def check_starts_without_compiler() -> None:
    """Neither a start nor steps nor states import PyTorch's compiler. In a process in which nothing else did."""
    data = make_data(image_spec(16))
    for optimizer in ("sgd", "adamw", "adam", "rmsprop", "lion", "muon"):
        trainable, planner = make("mlp", data, batch_size=32, threads=1, optimizer=optimizer, lr=0.001, clip_norm=1.0)
        trainable.begin_epoch(planner.epoch(0))
        trainable.advance(2)
        trainable.load_state(trainable.state())
        trainable.evaluate("test", slice(0, 8))
    assert not {"torch._dynamo", "torch._inductor", "sympy"} & set(sys.modules)


def check_resume_mid_epoch() -> None:
    """Three steps, then a fresh model that takes over the state, give what eight steps in one go give."""
    data = make_data(image_spec(16))
    for name in ("mlp", "cnn"):
        for optimizer in ({}, {"optimizer": "sgd", "lr": 0.05}):
            whole, planner = make(name, data, **DROPOUT | optimizer)
            whole.begin_epoch(planner.epoch(0))
            losses = whole.advance(8).loss
            first, _ = make(name, data, **DROPOUT | optimizer)
            first.begin_epoch(planner.epoch(0))
            before = first.advance(3).loss
            saved = first.state()
            second, _ = make(name, data, **DROPOUT | optimizer | {"seed": 5})
            second.load_state(saved)
            assert_same(saved, second.state())
            second.begin_epoch(planner.epoch(0, skip=3))
            after = second.advance(5).loss
            assert np.concatenate([before, after]).tobytes() == losses.tobytes()
            resumed = second.state()
            # The random numbers are one per process: the state of `whole` is taken where it was left.
            whole.load_state({"rng/torch": resumed["rng/torch"]})
            assert_same(whole.state(), resumed)


def check_random_state_matters() -> None:
    """Without the saved random numbers dropout goes another way: the check above can fail."""
    data = make_data(image_spec(16))
    losses = []
    for keep in (True, False):
        trainable, planner = make("mlp", data, **DROPOUT)
        trainable.begin_epoch(planner.epoch(0))
        trainable.advance(3)
        saved = trainable.state()
        torch.manual_seed(99)
        trainable.load_state({key: array for key, array in saved.items() if keep or not key.startswith("rng/")})
        losses.append(trainable.advance(2).loss)
    assert (losses[0] != losses[1]).all()


def check_steps_follow_pytorch() -> None:
    """Five steps with changing learning rates equal a plain loop over `torch.optim`, in double precision."""
    data = make_data(image_spec(16))
    rates = np.array([0.01, 0.05, 0.02, 0.001, 0.0], np.float32)
    plan = EpochPlan(0, 0, np.arange(160, dtype=np.int32).reshape(5, 32), rates)
    for settings in (
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01},
        {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0},
        {"optimizer": "adamw", "weight_decay": 0.1},
    ):
        for name in ("softmax", "mlp", "cnn"):
            config = MODELS[name].config.model_validate({"threads": 1} | settings)
            device = session.start(config, "cpu")
            trainable = TorchTrainable(MODELS[name].build, config, data, device, torch.float64)
            trainable.begin_epoch(plan)
            stats = trainable.advance(5)
            torch.manual_seed(config.seed)
            module = MODELS[name].build(config, data.spec).double()
            losses, right = _plain_steps(module, _reference(module, config), data, plan)
            np.testing.assert_allclose(stats.loss, 32 * np.array(losses), rtol=1e-9, err_msg=name)
            assert stats.metrics["accuracy"].tolist() == right, name
            theirs = dict(module.named_parameters())
            for key, own in trainable.module.named_parameters():
                expected = theirs[key].detach().numpy()
                np.testing.assert_allclose(own.detach().numpy(), expected, rtol=1e-6, atol=1e-8, err_msg=key)


def _reference(module: nn.Module, config: Any) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            module.parameters(), 1.0, config.momentum, weight_decay=config.weight_decay, foreach=False
        )
    return torch.optim.AdamW(module.parameters(), weight_decay=config.weight_decay, foreach=False)


def _plain_steps(module: nn.Module, optimizer: Any, data: Data, plan: EpochPlan) -> tuple[list[float], list[int]]:
    losses, right = [], []
    for rows, lr in zip(plan.indices, plan.lr.tolist(), strict=True):
        x = (torch.tensor(data.train.x[rows]).double() - data.spec.mean[0]) / data.spec.std[0]
        y = torch.tensor(data.train.y[rows])
        for group in optimizer.param_groups:
            group["lr"] = lr
        outputs = module(x.permute(0, 3, 1, 2).contiguous())
        loss = nn.functional.cross_entropy(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        right.append(int((outputs.argmax(1) == y).sum()))
    return losses, right


def check_chunks_do_not_matter() -> None:
    """Any lengths of chunks, a plan that shrinks, an evaluation in between: the same numbers."""
    data = make_data(image_spec(16))
    whole, planner = make("cnn", data, **DROPOUT)
    whole.begin_epoch(planner.epoch(0))
    together = whole.advance(9)
    ended = whole.state()
    parts, _ = make("cnn", data, **DROPOUT)
    parts.begin_epoch(planner.epoch(0))
    pieces = [parts.advance(1), parts.advance(4)]
    parts.predict("validation", slice(0, 50))
    parts.begin_epoch(planner.epoch(0, skip=5))
    pieces += [parts.advance(2), parts.advance(1), parts.advance(1)]
    assert np.concatenate([piece.loss for piece in pieces]).tobytes() == together.loss.tobytes()
    right = np.concatenate([piece.metrics["accuracy"] for piece in pieces])
    assert right.tobytes() == together.metrics["accuracy"].tobytes()
    assert ((right == np.round(right)) & (right >= 0) & (right <= 32)).all()
    assert_same(ended, parts.state())


def check_predict_changes_nothing() -> None:
    """Neither the weights, the random numbers nor the samples; and a state is a copy."""
    data = frozen(make_data(image_spec(16)))
    trainable, planner = make("cnn", data, **DROPOUT)
    trainable.begin_epoch(planner.epoch(0))
    trainable.advance(2)
    before, samples = trainable.state(), data.test.x.copy()
    outputs = trainable.predict("test", slice(0, 200))
    assert (outputs.shape, outputs.dtype) == ((200, 10), np.float32)
    assert outputs.tobytes() == trainable.predict("test", slice(0, 200)).tobytes()
    assert (samples == data.test.x).all()
    assert_same(before, trainable.state())
    assert trainable.module.training
    kept = before["weights/conv1/kernel"].copy()
    trainable.advance(3)
    assert kept.tobytes() == before["weights/conv1/kernel"].tobytes()
    assert kept.tobytes() != trainable.state()["weights/conv1/kernel"].tobytes()


def check_shapes() -> None:
    """Images small, usual, oblong and colored; two classes and a hundred; the listed parameters are the trained."""
    for size in ((8, 8, 1), (28, 28, 1), (32, 32, 3), (9, 40, 2)):
        for classes in (2, 100):
            spec = replace(image_spec(8, size[2], classes), input_shape=size)
            data = make_data(spec, 70)
            for name in ("softmax", "mlp", "cnn"):
                trainable, planner = make(name, data, batch_size=32)
                trainable.begin_epoch(planner.epoch(0))
                assert np.isfinite(trainable.advance(2).loss).all()
                assert trainable.predict("validation", slice(40, 50)).shape == (10, classes)
                layers = trainable.layers()
                assert layers[-1].output == (classes,)
                assert sum(layer.parameters for layer in layers) == sum(
                    parameter.numel() for parameter in trainable.module.parameters()
                )
                assert list(BACKEND.layers(MODELS[name], MODELS[name].config(), spec)) == list(layers)
    features = Spec("classification", (5,), 3, tuple("abc"), (0.0,) * 5, (1.0,) * 5)
    with pytest.raises(RunError, match="needs images"):
        make("cnn", make_data(features))
    trainable, planner = make("mlp", make_data(features), layers=[7, 6, 5], batch_size=1)
    trainable.begin_epoch(planner.epoch(0))
    assert np.isfinite(trainable.advance(2).loss).all()


def digits() -> Data:
    """scikit-learn's digits, 8x8."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images = (x.reshape(-1, 8, 8, 1) * 15).astype(np.uint8)
    spec = Spec("classification", (8, 8, 1), 10, tuple("0123456789"), (float(images.mean()),), (float(images.std()),))
    ids = np.arange(len(y))
    parts = [
        Split(images[part], y[part].astype(np.int64), ids[part])
        for part in (slice(0, 1297), slice(1297, 1497), slice(1497, None))
    ]
    return Data("digits", spec, *parts, "none")


def check_learns() -> None:
    """With the defaults, but fewer epochs and batches that fit 1,297 images; the last 300 are by other writers."""
    data = frozen(digits())
    for name, wanted in (("softmax", 0.85), ("mlp", 0.87), ("cnn", 0.9)):
        trainable, planner = make(name, data, epochs=8, batch_size=64)
        losses = []
        for epoch in range(planner.epochs):
            trainable.begin_epoch(planner.epoch(epoch))
            losses.append(trainable.advance(planner.steps_per_epoch).loss.mean())
        assert losses[-1] < 0.5 * losses[0], (name, losses)
        outputs = trainable.predict("test", slice(0, len(data.test)))
        accuracy = np.mean(outputs.argmax(1) == data.test.y)
        assert accuracy > wanted, (name, accuracy)


def check_recovers_a_line() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(2000, 2)).astype(np.float32)
    y = (x @ np.array([[2.0], [-3.4]]) + 4.2 + random.normal(0, 0.01, (2000, 1))).astype(np.float32)
    part = Split(x, y, np.arange(len(x)))
    data = frozen(Data("lines", Spec("regression", (2,), 1, (), (0.0, 0.0), (1.0, 1.0)), part, part, part, "none"))
    trainable, planner = make("linear-regression", data, epochs=10)
    for epoch in range(planner.epochs):
        trainable.begin_epoch(planner.epoch(epoch))
        stats = trainable.advance(planner.steps_per_epoch)
    assert stats.metrics["mse"].tolist() == stats.loss.tolist()
    state = trainable.state()
    np.testing.assert_allclose(state["weights/dense/kernel"].ravel(), [2.0, -3.4], atol=2e-3)
    np.testing.assert_allclose(state["weights/dense/bias"], [4.2], atol=2e-3)


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
