"""The options of one framework against their definitions: `python -m tests.plugins.option_checks torch NAME ...`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Data
from dltui.core.errors import RunError
from dltui.core.train.plan import Planner
from tests.plugins.softmax_reference import train
from tests.plugins.twin_child import image_spec, make_data, make_trainable

FRAMEWORK = sys.argv[1]

# Options that do not hide one another share a case: a compiled graph each is what these checks cost.
CASES: dict[str, dict[str, Any]] = {
    "sgd": {"nesterov": True, "weight_decay": 0.01, "clip_norm": 0.5, "label_smoothing": 0.1, "ema": 0.9},
    "adam": {"optimizer": "adam", "weight_decay": 0.01, "class_weights": "balanced", "accumulate": 3},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1, "mixup": 0.4, "lr_scales": "dense/bias=0.25"},
    "rmsprop": {"optimizer": "rmsprop", "weight_decay": 0.01, "augment": "flip+shift", "color": 0.3, "erase": 0.5},
    "lion": {"optimizer": "lion", "weight_decay": 0.1, "cutmix": 1.0, "freeze": "dense/bias", "accumulate": 2},
    "muon": {"optimizer": "muon", "weight_decay": 0.1, "mixup": 0.3, "cutmix": 1.0, "label_smoothing": 0.2},
}


def uneven(data: Data) -> Data:
    """Most samples are of the first classes, so that class weights matter."""
    y = np.where(data.train.y > 3, data.train.y, data.train.y // 2).astype(np.int64)
    return replace(data, train=replace(data.train, y=y))


def check_definitions() -> None:
    """Losses, weights and averages of 20 steps of softmax regression in float64 are those of the definitions."""
    data = uneven(make_data(image_spec(12, 3)))
    for name, options in CASES.items():
        config: dict[str, Any] = {"lr": 0.003, "batch_size": 32, "warmup": 0.25, "threads": 1, **options}
        trainable, checked = make_trainable(FRAMEWORK, "softmax", config, data, "float64")
        start = trainable.state()
        plan = Planner(checked, len(data.train), shape=data.spec.input_shape).epoch(0)
        weights = {part: start[f"weights/dense/{part}"] for part in ("kernel", "bias")}
        losses, expected, average = train(data, plan, checked, weights)
        trainable.begin_epoch(plan)
        found = np.concatenate([trainable.advance(7).loss, trainable.advance(13).loss]) / 32
        np.testing.assert_allclose(found, losses, rtol=1e-8, err_msg=name)
        state = trainable.state()
        for part in ("kernel", "bias"):
            np.testing.assert_allclose(
                state[f"weights/dense/{part}"], expected[part], rtol=1e-6, atol=1e-9, err_msg=name
            )
        if checked.ema:
            np.testing.assert_allclose(state["average/dense/kernel"], average["kernel"], rtol=1e-6, atol=1e-9)
            x = (data.test.x[:9] - 127.5) / 74.0
            outputs = x.reshape(9, -1) @ average["kernel"] + average["bias"]
            np.testing.assert_allclose(trainable.predict("test", slice(0, 9)), outputs, rtol=1e-4, atol=1e-5)
            outputs = x[:, :, ::-1].reshape(9, -1) @ average["kernel"] + average["bias"]
            mirrored = trainable.predict_mirrored("test", slice(0, 9))  # type: ignore[attr-defined]
            np.testing.assert_allclose(mirrored, outputs, rtol=1e-4, atol=1e-5)


ALL: dict[str, Any] = {
    "optimizer": "muon", "lr": 0.003, "batch_size": 32, "warmup": 0.5, "clip_norm": 1.0, "accumulate": 2, "ema": 0.99,
    "label_smoothing": 0.1, "class_weights": "balanced", "augment": "flip+shift", "color": 0.2, "erase": 0.25,
    "mixup": 0.2, "cutmix": 1.0, "dropout": 0.2, "lr_scales": "conv*=0.5", "freeze": "norm1", "threads": 1,
}  # fmt: skip


def check_resumes() -> None:
    """With everything on, a CNN that goes on from a state has the bytes of the one that was not interrupted."""
    data = make_data(image_spec(16), 256)
    whole, checked = make_trainable(FRAMEWORK, "cnn", ALL, data, "float32")
    planner = Planner(checked, len(data.train), shape=data.spec.input_shape)
    whole.begin_epoch(planner.epoch(0))
    whole.advance(3)
    saved = whole.state()
    expected = whole.advance(5).loss.tobytes()
    one = whole.state()
    second, _ = make_trainable(FRAMEWORK, "cnn", ALL, data, "float32")
    second.load_state(saved)
    second.begin_epoch(planner.epoch(0, skip=3))
    assert second.advance(5).loss.tobytes() == expected
    other = second.state()
    assert one.keys() == other.keys()
    assert [name for name in one if one[name].tobytes() != other[name].tobytes()] == []
    frozen = [name for name in one if name.startswith("weights/norm1/")]
    assert len(frozen) == 4
    assert all(np.array_equal(one[name], saved[name]) for name in frozen), "a frozen norm keeps its statistics"


def check_a_norm_without_weights_is_not_frozen() -> None:
    """It has nothing that could be frozen, and its statistics follow the data."""
    if FRAMEWORK != "torch":
        return
    from torch import nn

    from dltui.plugins.torch.backend import TorchBackend
    from dltui.plugins.torch.models.softmax import MODEL

    data = make_data(image_spec(8), 64)

    def build(config: Any, spec: Any) -> Any:
        return nn.Sequential(nn.BatchNorm2d(1, affine=False), nn.Flatten(), nn.Linear(64, spec.outputs))

    checked = MODEL.config.model_validate({"threads": 1, "batch_size": 32})
    trainable = TorchBackend().trainable(replace(MODEL, build=build), checked, data, "cpu")
    before = trainable.state()["weights/0/moving_mean"]
    trainable.begin_epoch(Planner(checked, 64, shape=data.spec.input_shape).epoch(0))
    trainable.advance(1)
    assert not np.array_equal(trainable.state()["weights/0/moving_mean"], before)


UNFREEZING: dict[str, dict[str, Any]] = {
    "adamw": {"optimizer": "adamw", "clip_norm": 1.0, "ema": 0.9},
    "sgd": {"weight_decay": 0.01, "accumulate": 2},
    "muon": {"optimizer": "muon", "weight_decay": 0.1},
    "lion": {"optimizer": "lion", "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "weight_decay": 0.1},
}


def check_unfreezing() -> None:
    """Layers stand still, statistics and all, until the epoch in which they are unfrozen; what keeps a rate of 0 stays.
    A run that goes on from any moment has the bytes of the one that was not interrupted.
    """
    data = make_data(image_spec(16), 96)
    for name, options in UNFREEZING.items():
        options = {
            **options, "lr": 0.003, "batch_size": 32, "freeze": "conv1 norm1 norm2", "unfreeze_at": 2, "epochs": 3,
            "lr_scales": "conv1=0.5 norm2=0", "threads": 1,
        }  # fmt: skip

        def begun(state: Any, options: dict[str, Any] = options) -> tuple[Any, Planner]:
            trainable, checked = make_trainable(FRAMEWORK, "cnn", options, data, "float32")
            if state:
                trainable.load_state(state)
            return trainable, Planner(checked, len(data.train), shape=data.spec.input_shape)

        whole, planner = begun(None)
        states, losses, lines = [whole.state()], [], []
        for epoch in range(3):
            lines.append(list(whole.begin_epoch(planner.epoch(epoch)) or ()))
            for _ in range(3):
                losses.append(whole.advance(1).loss.tobytes())
                states.append(whole.state())
        assert [bool(line) for line in lines] == [False, True, False], lines
        assert "from epoch 2 on the layers of freeze are trained, too" in lines[1][0]
        # Without batch norm's own trained weights a bias in front of it has a gradient of nearly nothing.
        names = ["weights/conv1/kernel", *(f"weights/norm1/{part}" for part in ("gamma", "moving_mean"))]
        for key in names:
            assert np.array_equal(states[0][key], states[3][key]), (name, key)
            assert not np.array_equal(states[3][key], states[4][key]), (name, key)
        for key in ("gamma", "moving_mean"):
            assert np.array_equal(states[0][f"weights/norm2/{key}"], states[9][f"weights/norm2/{key}"]), (name, key)
        for step in (2, 3, 5):
            again, _ = begun(states[step])
            again.begin_epoch(planner.epoch(step // 3, skip=step % 3))
            again.advance(3 - step % 3)
            end = 3 * (step // 3) + 3
            found = again.state()
            assert found.keys() == states[end].keys()
            wrong = [key for key in found if found[key].tobytes() != states[end][key].tobytes()]
            assert not wrong, (name, step, wrong)
            again.begin_epoch(planner.epoch(end // 3))
            assert again.advance(1).loss.tobytes() == losses[end], (name, step)


def check_weights_alone_begin_an_average() -> None:
    """A fork from a run without an average, and one to a run without."""
    data = make_data(image_spec(8))
    plain, _ = make_trainable(FRAMEWORK, "softmax", {"seed": 1, "threads": 1}, data, "float32")
    averaged, _ = make_trainable(FRAMEWORK, "softmax", {"ema": 0.9, "threads": 1}, data, "float32")
    weights = {name: array for name, array in plain.state().items() if name.startswith("weights/")}
    averaged.load_state(weights)
    state = averaged.state()
    assert np.array_equal(state["average/dense/kernel"], weights["weights/dense/kernel"])
    assert np.array_equal(averaged.predict("test", slice(0, 5)), plain.predict("test", slice(0, 5)))
    plain.load_state({name: array for name, array in state.items() if not name.startswith("optimizer/")})


def check_a_layer_that_is_scaled_to_nothing() -> None:
    """A factor of 0 freezes; a pattern for layers that are frozen as well is no mistake."""
    data = make_data(image_spec(16), 64)
    options = {"lr_scales": "norm1=0 conv1=0.5", "freeze": "conv1", "batch_size": 32, "threads": 1}
    trainable, checked = make_trainable(FRAMEWORK, "cnn", options, data, "float32")
    before = trainable.state()
    trainable.begin_epoch(Planner(checked, 64, shape=data.spec.input_shape).epoch(0))
    trainable.advance(2)
    after = trainable.state()
    still = {name for name in before if name.startswith("weights/") and np.array_equal(before[name], after[name])}
    assert {name for name in still if "moving" not in name} == {
        "weights/conv1/kernel", "weights/conv1/bias", "weights/norm1/gamma", "weights/norm1/beta",
    }  # fmt: skip


def check_shared_weights_survive_an_average() -> None:
    """A weight that two layers share is exchanged with its average and back."""
    if FRAMEWORK != "torch":
        return
    import torch

    from dltui.plugins.torch.averaging import Average

    one, two = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False)
    two.weight = one.weight
    average = Average(torch.nn.Sequential(one, two), 0.5)
    first = one.weight.detach().clone()
    with torch.no_grad():
        one.weight.add_(1)
    average.follow()
    with average.in_place():
        assert (one.weight < first + 1).all()
        assert two.weight is one.weight
    assert torch.equal(one.weight, first + 1)


def check_refused() -> None:
    data = make_data(image_spec(8))
    wrong = {
        "no layer is called conv1; there is dense": {"freeze": "conv1"},
        "leave nothing to train": {"freeze": "*"},
    }
    for words, options in wrong.items():
        with pytest.raises(RunError, match=words):
            make_trainable(FRAMEWORK, "softmax", {"threads": 1, **options}, data, "float32")


if __name__ == "__main__":
    for check in sys.argv[2:]:
        globals()[f"check_{check}"]()
