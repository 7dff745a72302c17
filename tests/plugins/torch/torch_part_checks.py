"""Checks of the PyTorch plugin's parts: states, devices, modules of others. Run like `torch_checks`."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from dltui.core.checks.conformance.samples import make as made_up
from dltui.core.contract import Model
from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError
from dltui.core.train.plan import Planner
from dltui.plugins.torch import precision, samples, session
from dltui.plugins.torch.inputs.uploads import BUFFERS, Uploads
from dltui.plugins.torch.inside.calls import recorded
from dltui.plugins.torch.optimizers.make import make_optimizer
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


def check_cublas_is_told_before_it_starts() -> None:
    """It reads how large its workspace is when the device is tried."""
    told: list[str | None] = []

    def look(device: torch.device) -> str | None:
        told.append(os.environ.get("CUBLAS_WORKSPACE_CONFIG"))
        return None

    config = MODELS["softmax"].config
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {**os.environ})
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
        patch.setattr(session, "find_problem", look)
        session.start(config(threads=1), "cpu")
        session.start(config(threads=1, deterministic=True), "cpu")
        session.start(config(threads=1), "cpu")
    assert told[:2] == [None, ":4096:8"]


def check_memory_that_pytorch_keeps_is_free() -> None:
    """An earlier trial in this process leaves some behind."""
    left, gpu = [60], torch.device("cuda")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "empty_cache", left.clear)
        patch.setattr(torch.cuda, "mem_get_info", lambda device: (100 - sum(left), 100))
        assert samples._has_room(gpu, 50)
        assert not samples._has_room(gpu, 51)
    assert samples._has_room(torch.device("cpu"), 1 << 60)


def check_masks_without_room_stay_on_the_host() -> None:
    """As images do; a device of tensors without values stands for the GPU."""
    data, device = made_up("segmentation", (16, 16, 3), 3, 20), torch.device("meta")
    masks = data.train.y
    assert samples.Samples(data, device, torch.float32).on_device
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "_has_room", lambda device, size: size != masks.nbytes)
        found = samples.Samples(data, device, torch.float32)
        assert not found.on_device
        chosen = found.targets(torch.tensor([[3, 1], [0, 2]]))
        assert (chosen.device, chosen.shape) == (device, (2, 2, 16, 16))
        assert found.targets_of("validation", slice(2, 5)).device == device


class Event:
    """A stand-in for an event of CUDA: a copy that was started is done when it is waited for, and no earlier."""

    waiting: ClassVar[list[Callable[[], object]]] = []

    def __init__(self, blocking: bool) -> None:
        self._copies: list[Callable[[], object]] = []

    def record(self) -> None:
        self._copies, Event.waiting = Event.waiting, []

    def synchronize(self) -> None:
        while self._copies:
            self._copies.pop()()


class Pinned:
    """A stand-in for a buffer that a GPU reads late."""

    made = 0

    def __init__(self, like: torch.Tensor) -> None:
        Pinned.made += 1
        self.values, self.shape = torch.zeros_like(like), like.shape

    def copy_(self, batch: torch.Tensor) -> Pinned:
        self.values.copy_(batch)
        return self

    def to(self, device: torch.device, non_blocking: bool) -> torch.Tensor:
        assert non_blocking
        found = torch.full_like(self.values, -1)
        Event.waiting.append(lambda: found.copy_(self.values))
        return found


def check_uploads_while_the_gpu_computes() -> None:
    """No buffer is written to before it was read, and there are few of them; without that memory the host waits."""
    batches = [torch.full((2, 3), float(number)) for number in range(7)]
    uploads = Uploads(torch.device("cuda"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "Event", Event)
        patch.setattr(torch, "empty_like", lambda like, pin_memory: Pinned(like))
        found = [uploads.copied(batch) for batch in batches]
        assert [float(one[0, 0]) for one in found[-2:]] == [-1, -1], "the last ones are still on their way"
        uploads.copied(torch.zeros(4, 3))
        assert Pinned.made == BUFFERS + 1
        for _, was_read in uploads._buffers:
            was_read.synchronize()
    assert all(torch.equal(one, batch) for one, batch in zip(found[:-2], batches[:-2], strict=True))

    def full(like: torch.Tensor, pin_memory: bool) -> torch.Tensor:
        raise RuntimeError("CUDA error: out of memory")

    for device, pins in (("cuda", True), ("cpu", False)):
        uploads = Uploads(torch.device(device))
        assert uploads._pins is pins
        uploads._device = torch.device("cpu")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "empty_like", full)
            assert all(torch.equal(uploads.copied(batch), batch) for batch in batches)
        assert not uploads._pins


def check_samples_that_stream_are_uploaded() -> None:
    """Batches of a file come as they are, whatever their way."""
    data, given = make_data(image_spec(8)), []
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = Path(folder) / "x.npy"
        np.save(file, data.train.x)
        patch.setattr("dltui.core.data.streaming.STREAMED_BYTES", 0)
        copied = Uploads.copied
        patch.setattr(Uploads, "copied", lambda self, batch: given.append(len(batch)) or copied(self, batch))
        mapped = replace(data, train=replace(data.train, x=np.load(file, mmap_mode="r")))
        found = []
        for one in (mapped, data):
            trainable, planner = make("softmax", one, batch_size=32)
            trainable.begin_epoch(planner.epoch(0))
            found.append(trainable.advance(3).loss.tobytes())
    assert given == [32] * 3
    assert found[0] == found[1]


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


FREEZING = {"batch_size": 32, "lr": 0.001, "weight_decay": 0.0, "epochs": 3}


def check_layers_that_a_fork_unfreezes() -> None:
    """They begin with step 0: moments of zeros that are corrected for many steps make updates of three times lr."""
    data = make_data(image_spec(16), 64)
    for optimizer in ("adam", "adamw", "muon"):
        parent, planner = make("cnn", data, **FREEZING, optimizer=optimizer, freeze="conv1 norm1")
        parent.begin_epoch(planner.epoch(0))
        parent.advance(2)
        fork, planner = make("cnn", data, **FREEZING, optimizer=optimizer)
        fork.load_state(parent.state() | {"optimizer/step": np.array(2000)})
        before = fork.state()
        assert int(before["optimizer/step"]) == 2000
        assert {key for key in before if key.endswith("/step") and key != "optimizer/step"} == {
            f"optimizer/{name}/step" for name in ("conv1/bias", "norm1/gamma", "norm1/beta", "conv1/kernel")
            if f"optimizer/{name}/exp_avg" in before
        }  # fmt: skip
        fork.begin_epoch(planner.epoch(0))
        fork.advance(1)
        moved = np.abs(fork.state()["weights/norm1/gamma"] - before["weights/norm1/gamma"]).max()
        assert moved < 1.01 * FREEZING["lr"], (optimizer, moved)


def check_layers_that_a_fork_leaves_frozen() -> None:
    """The checkpoint has slots of them, as the parent would have unfrozen them; the fork takes and keeps none."""
    data = make_data(image_spec(16), 64)
    options: dict[str, Any] = {**FREEZING, "optimizer": "adamw", "freeze": "conv1 norm1"}
    parent, planner = make("cnn", data, **options, unfreeze_at=2)
    parent.begin_epoch(planner.epoch(0))
    parent.advance(2)
    state = parent.state()
    assert int(state["optimizer/norm1/gamma/step"]) == 0
    fork, planner = make("cnn", data, **options)
    fork.load_state(state)
    frozen = {key for key in state if key.startswith(("optimizer/conv1/", "optimizer/norm1/"))}
    assert_same({key: state[key] for key in state.keys() - frozen}, fork.state())
    fork.begin_epoch(planner.epoch(0))
    assert np.isfinite(fork.advance(1).loss).all()


def check_shared_weights_learn_at_the_rate_of_either_name() -> None:
    module = nn.ModuleDict({"embed": nn.Embedding(5, 3), "head": nn.Linear(3, 5, bias=False), "other": nn.Linear(2, 2)})
    shared = module["head"].weight = module["embed"].weight
    for scales in ("embed=0.1", "head=0.1"):
        groups = make_optimizer(module, TrainConfig(lr=1.0, lr_scales=scales)).param_groups
        rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
        assert rates == {id(p): pytest.approx(0.1 if p is shared else 1.0) for p in module.parameters()}, scales


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
