"""Checks of the PyTorch plugin's parts: states, devices, modules of others. Run like `torch_checks`."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dltui.core.contract import Model
from dltui.core.errors import RunError
from dltui.core.train.plan import Planner
from dltui.plugins.torch import precision, session
from dltui.plugins.torch.inside.calls import recorded
from tests.plugins.torch.torch_setting import BACKEND, MODELS, assert_same, make
from tests.plugins.twin_child import image_spec, make_data


def check_neutral_layout() -> None:
    """Names and shapes that the twins share, and the meaning of the axes, computed with NumPy."""
    data = make_data(image_spec(28, channels=3))
    trainable, _ = make("cnn", data, channels=[4, 6], batch_size=32)
    state = trainable.state()
    shapes = {key[8:]: array.shape for key, array in state.items() if key.startswith("weights/")}
    assert shapes["conv1/kernel"] == (5, 5, 3, 4)
    assert shapes["conv2/kernel"] == (5, 5, 4, 6)
    assert shapes["dense1/kernel"] == (5 * 5 * 6, 120)
    assert shapes["output/kernel"] == (84, 10)
    assert {key for key in shapes if key.startswith("norm1/")} == {
        f"norm1/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    assert state["optimizer/conv2/kernel/momentum"].shape == (5, 5, 4, 6)
    trainable, _ = make("softmax", data, batch_size=32)
    weights = trainable.state()
    x = (data.test.x.astype(np.float64) - data.spec.mean) / data.spec.std
    expected = x.reshape(len(x), -1) @ weights["weights/dense/kernel"] + weights["weights/dense/bias"]
    np.testing.assert_allclose(trainable.predict("test", slice(0, 200)), expected, atol=1e-3)


def check_misfits() -> None:
    """A state that does not fit is refused by name, and nothing of it is taken."""
    trainable, _ = make("softmax", make_data(image_spec(8)), batch_size=32)
    before = trainable.state()
    good = {"weights/dense/bias": np.ones(10, np.float32)}
    for bad in (
        {"weights/other/bias": np.ones(10)},
        {"weights/dense/kernel": np.ones((3, 10))},
        {"optimizer/dense/bias/exp_avg": np.ones(10)},
        {"optimizer/dense/bias/momentum": np.ones(9)},
        {"rng/torch": np.ones(3, np.uint8)},
        {"other/dense/bias": np.ones(10)},
    ):
        with pytest.raises(RunError, match=next(iter(bad))):
            trainable.load_state(good | bad)
        assert_same(before, trainable.state())
    trainable.load_state(good)
    assert_same(before | good, trainable.state())
    # Random numbers of another kind of device are no reason to refuse a checkpoint.
    trainable.load_state({"rng/cuda": np.zeros(16, np.uint8)})


def check_devices() -> None:
    assert BACKEND.devices()[0] == {"device": "cpu", "name": "CPU", "problem": None}
    data, model = make_data(image_spec(8)), MODELS["softmax"]
    if not torch.cuda.is_available():
        with pytest.raises(RunError, match=r"cannot use cuda: .*--device cpu"):
            BACKEND.trainable(model, model.config(), data, "cuda")
    if not torch.backends.mps.is_available():
        with pytest.raises(RunError, match="cannot use mps"):
            BACKEND.trainable(model, model.config(), data, "mps")
    BACKEND.trainable(model, model.config(threads=1), data, "cpu")
    assert torch.get_num_threads() == 1
    BACKEND.trainable(model, model.config(deterministic=True, threads=1), data, "cpu")
    assert torch.are_deterministic_algorithms_enabled()
    BACKEND.trainable(model, model.config(), data, "cpu")
    assert not torch.are_deterministic_algorithms_enabled()


def check_tf32() -> None:
    """Only where it is asked for, and by settings that PyTorch's compiler can read."""
    gpu, before = torch.device("cuda"), (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
    for name, wanted in (("fp32", False), ("bf16", False), ("tf32", True)):
        precision.use(name, torch.device("cpu"))
        precision.use(name, gpu)
        assert torch.backends.cuda.matmul.allow_tf32 is wanted
        assert torch.backends.cudnn.allow_tf32 is wanted
        assert torch.get_float32_matmul_precision() == ("high" if wanted else "highest")
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def check_device_reasons() -> None:
    """What PyTorch says about a GPU that it cannot use becomes one line with the reason."""

    def fails(text: str, warning: str = "") -> str | None:
        def attempt(device: torch.device) -> str:
            if warning:
                warnings.warn(warning, stacklevel=2)
            raise RuntimeError(text)

        original, session._try = session._try, attempt
        try:
            return session.find_problem(torch.device("cuda"))
        finally:
            session._try = original

    kernel = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be..."
    assert fails(kernel) == "CUDA error: no kernel image is available for execution on the device"
    old = "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040).\nPlease update"
    assert "driver on your system is too old" in str(fails("No CUDA GPUs are available", old))
    assert fails("") == "no reason given"


class Own(nn.Module):
    """A module of somebody else's: a bare parameter, an embedding, a nested layer, its own loss and optimizer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.places = nn.Embedding(64, 4)
        self.head = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 10, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = (x.flatten(1).unsqueeze(2) * self.places.weight).mean(1)
        out: torch.Tensor = self.scale * self.head(mixed)
        return out

    def training_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return outputs.sum() * 0 + 7.0 + 0.5 * self.scale.square().sum()

    def configure_optimizer(self, config: Any) -> torch.optim.Optimizer:
        return torch.optim.Adagrad(self.parameters(), config.lr)


def check_own_parts() -> None:
    model = Model("own", "own", "torch", "classification", "", MODELS["softmax"].config, lambda config, spec: Own())
    data = make_data(image_spec(8))
    config = model.config(batch_size=32)
    trainable = BACKEND.trainable(model, config, data, "cpu")
    planner = Planner(config, len(data.train))
    trainable.begin_epoch(planner.epoch(0))
    assert trainable.advance(1).loss.tolist() == [32 * 7.5]
    saved = trainable.state()
    assert saved["weights/places/embeddings"].shape == (64, 4)
    assert saved["weights/model/scale"].shape == (1,)
    assert saved["weights/head/1/kernel"].shape == (4, 10)
    assert saved["optimizer/model/scale/sum"].shape == (1,)
    after = trainable.advance(2).loss
    second = BACKEND.trainable(model, config, data, "cpu")
    second.load_state(saved)
    second.begin_epoch(planner.epoch(0, skip=1))
    assert second.advance(2).loss.tobytes() == after.tobytes()
    assert sum(layer.parameters for layer in second.layers()) == 1 + 256 + 8 + 40


def check_sums_are_recorded() -> None:
    """A heat map looks at the sum of a block, also where a layer gets what it adds up as a list."""

    class Sum(nn.Module):
        def forward(self, values: list[torch.Tensor]) -> torch.Tensor:
            return values[0] + values[1]

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sum = Sum()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.sum([x, 2 * x])

    block = Block()
    with recorded(block) as calls:
        block(torch.ones(1, 2))
    (call,) = [call for call in calls if call.layer is block.sum]
    assert torch.equal(call.output, torch.full((1, 2), 3.0))


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
