"""Checks of several ranks, which need PyTorch: `python -m tests.plugins.torch.torch_rank_checks NAME...`.

Ranks are forked from this process, which has imported PyTorch, and meet on gloo.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

from dltui.core.contract import Data, Rank
from dltui.core.contract.shares import Part, share_of
from dltui.core.train.plan import Planner
from dltui.plugins.torch import session
from dltui.plugins.torch.ranks import draws
from dltui.plugins.torch.trainable import TorchTrainable
from tests.plugins.torch.torch_setting import MODELS
from tests.plugins.twin_child import image_spec, make_data

SETTINGS = {"batch_size": 30, "threads": 1, "lr": 0.02, "optimizer": "sgd", "augment": "shift", "epochs": 40}
ADDRESSES: list[str] = []
"""Where ranks meet as those of several machines do; empty: as those of one."""
Job = Callable[[Any, Planner, int, int], dict[str, Any]]
"""Gets a trainable, the planner, and the rank of how many; what it returns goes through JSON, arrays as files."""


def on_ranks(
    world: int, job: Job, data: Data, build: Any = None, kind: torch.dtype = torch.float64, **config: Any
) -> list[dict[str, Any]]:
    """What a job returns on each rank; with one rank it is on no rank at all, in a process of its own."""
    # Blanks and other letters are no hindrance to a meeting.
    with tempfile.TemporaryDirectory(prefix="my jöb #1 50%") as folder:
        pids = []
        for number in range(world):
            pid = os.fork()
            if pid == 0:
                code = 70
                try:
                    _be_rank(Path(folder), number, world, job, data, build, kind, config)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            pids.append(pid)
        codes = [os.waitpid(pid, 0)[1] for pid in pids]
        assert codes == [0] * world, codes
        return [_read(Path(folder), number) for number in range(world)]


def _be_rank(
    folder: Path, number: int, world: int, job: Job, data: Data, build: Any, kind: torch.dtype, config: dict[str, Any]
) -> None:
    name = config.pop("model", "cnn")
    checked = MODELS[name].config.model_validate(SETTINGS | config)
    url = f"tcp://{ADDRESSES[0]}" if ADDRESSES else (folder / "rendezvous").as_uri()
    rank = Rank(number, world, url, tuple(ADDRESSES)) if world > 1 else None
    device = session.start(checked, "cpu")
    trainable = TorchTrainable(build or MODELS[name].build, checked, data, device, kind, rank)
    found = job(trainable, Planner(checked, len(data.train), shape=data.spec.input_shape), number, world)
    arrays = {key: value for key, value in found.items() if isinstance(value, np.ndarray)}
    np.savez(folder / f"{number}.npz", **{key.replace("/", "\\"): value for key, value in arrays.items()})
    plain = {key: value for key, value in found.items() if key not in arrays}
    (folder / f"{number}.json").write_text(json.dumps(plain))


def _read(folder: Path, number: int) -> dict[str, Any]:
    with np.load(folder / f"{number}.npz") as arrays:
        found = {key.replace("\\", "/"): arrays[key] for key in arrays.files}
    return found | json.loads((folder / f"{number}.json").read_text())


def train(trainable: Any, planner: Planner, number: int, world: int, steps: int, first: int = 0) -> dict[str, Any]:
    """Train `steps` global steps from `first` on, in chunks of three; the losses and metrics of each, and the state."""
    losses: list[float] = []
    metrics: list[float] = []
    while len(losses) < steps:
        epoch, skip = divmod(first + len(losses), planner.steps_per_epoch)
        plan = planner.epoch(epoch, skip)
        plan = plan.rows(slice(0, steps - len(losses)))
        trainable.begin_epoch(share_of(plan, number, world) if world > 1 else plan)
        done = 0
        while done < plan.steps:
            stats = trainable.advance(min(3, plan.steps - done))
            done += len(stats.loss)
            losses += (stats.loss / planner.batch).tolist()
            metrics += next(iter(stats.metrics.values())).tolist()
    return {"losses": np.array(losses), "metrics": np.array(metrics), **trainable.state()}


def steps(count: int) -> Job:
    return lambda *where: train(*where, steps=count)


def data_of(size: int = 16, **changes: Any) -> Data:
    return make_data(replace(image_spec(size), **changes), 150)


def assert_alike(one: dict[str, Any], other: dict[str, Any], tolerance: float = 1e-8) -> None:
    assert one.keys() == other.keys(), one.keys() ^ other.keys()
    np.testing.assert_allclose(one["losses"], other["losses"], rtol=tolerance)
    np.testing.assert_allclose(one["metrics"], other["metrics"], rtol=tolerance)
    for key, value in one.items():
        if key.startswith(("weights/", "average/")):
            np.testing.assert_allclose(value, other[key], rtol=1e3 * tolerance, atol=1e3 * tolerance, err_msg=key)
        if key.startswith("rng/"):
            assert value.tobytes() == other[key].tobytes(), key


def assert_equal_ranks(found: list[dict[str, Any]]) -> None:
    """All ranks have the same state, to the last bit."""
    for other in found[1:]:
        for key, value in found[0].items():
            assert value.tobytes() == other[key].tobytes(), key


ALL = {
    "dropout": 0.3, "mixup": 0.4, "cutmix": 0.5, "label_smoothing": 0.1, "accumulate": 4, "ema": 0.9, "clip_norm": 0.5,
    "class_weights": "balanced", "batch_size": 31, "optimizer": "adamw", "lr": 0.001, "augment": "flip+shift",
    "color": 0.2, "erase": 0.5,
}  # fmt: skip


def check_two_equal_one() -> None:
    """A CNN with batch norm and dropout, shifted and mixed images, uneven shares, in parts; then in the middle of an
    epoch on one device, and on two again.
    """
    data = data_of()
    alone = on_ranks(1, steps(6), data, **ALL)[0]
    found = on_ranks(2, steps(6), data, **ALL)
    assert_equal_ranks(found)
    assert_alike(alone, found[0])
    begun = on_ranks(2, steps(2), data, **ALL)[0]
    on_one = on_ranks(1, going_on(begun, 2, 2), data, **ALL)[0]
    ended = on_ranks(2, going_on(on_one, 4, 2), data, **ALL)[0]
    together = [one["losses"] for one in (begun, on_one, ended)]
    np.testing.assert_allclose(np.concatenate(together), alone["losses"], rtol=1e-8)
    assert_alike({**alone, "losses": together[2], "metrics": ended["metrics"]}, ended)


def going_on(state: dict[str, Any], first: int, count: int) -> Job:
    """A job that goes on from the state of another one."""

    def job(trainable: Any, planner: Planner, number: int, world: int) -> dict[str, Any]:
        trainable.load_state({key: value for key, value in state.items() if key not in ("losses", "metrics")})
        return train(trainable, planner, number, world, count, first)

    return job


def check_tasks() -> None:
    """Segmentation, whose loss is a mean over the pixels that count, several labels, and numbers."""
    for model, changes in (
        ("unet", {"task": "segmentation"}),
        ("cnn", {"task": "multilabel"}),
        ("cnn", {"task": "regression", "classes": (), "outputs": 2}),
    ):
        data = make_data(replace(image_spec(16, classes=3), **changes), 40)
        settings = {"model": model, "batch_size": 9, "accumulate": 2, "augment": "shift"}
        alone = on_ranks(1, steps(4), data, **settings)[0]
        found = on_ranks(2, steps(4), data, **settings)
        assert_equal_ranks(found)
        np.testing.assert_allclose(found[0]["losses"], alone["losses"], rtol=1e-8)
        # Shares of right labels are counted in float32.
        np.testing.assert_allclose(found[0]["metrics"], alone["metrics"], rtol=1e-6)


class Parted(nn.Module):
    """Gives losses by name."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)

    def training_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        fit, size = nn.functional.cross_entropy(outputs, targets), outputs.square().mean()
        return {"loss": fit + 0.1 * size, "fit": fit, "size": size}


def check_addresses() -> None:
    """Ranks of several machines meet by their addresses, here those of the loopback interface."""
    data = make_data(image_spec(8), 40)
    alone = on_ranks(1, steps(3), data)[0]
    kept = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ADDRESSES[:] = [f"127.0.0.1:{one.getsockname()[1]}" for one in kept]
    for one in kept:
        one.close()
    try:
        found = on_ranks(2, steps(3), data)
    finally:
        ADDRESSES.clear()
    assert_equal_ranks(found)
    assert_alike(alone, found[0])


def check_no_sum_has_a_time_limit() -> None:
    """The worker decides how long ranks may take: a suspended run goes on, and another limit may be longer."""

    def job(trainable: Any, planner: Planner, number: int, world: int) -> dict[str, Any]:
        backend = distributed.distributed_c10d._get_default_group()._get_backend(torch.device("cpu"))
        # Where the ranks meet a limit of its own would hold.
        limits = (backend.options._timeout, distributed.distributed_c10d._get_default_store().timeout)
        return {"days": [limit.total_seconds() / 86_400 for limit in limits]}

    assert [found["days"] for found in on_ranks(2, job, make_data(image_spec(8), 40))] == [[20, 20]] * 2


def check_named_losses() -> None:
    """Of shares that differ in size, and of parts: those of one device."""
    data = make_data(image_spec(8), 40)

    def job(trainable: Any, planner: Planner, number: int, world: int) -> dict[str, Any]:
        plan = planner.epoch(0)
        trainable.begin_epoch(share_of(plan, number, world) if world > 1 else plan)
        stats = trainable.advance(3)
        return {"losses": stats.loss, **trainable.state(), **stats.metrics}

    for settings in ({"batch_size": 9}, {"batch_size": 9, "accumulate": 2}):
        alone = on_ranks(1, job, data, lambda config, spec: Parted(), augment="none", **settings)[0]
        found = on_ranks(2, job, data, lambda config, spec: Parted(), augment="none", **settings)
        assert_equal_ranks(found)
        for name in ("losses", "fit", "size"):
            np.testing.assert_allclose(found[0][name], alone[name], rtol=1e-8, err_msg=name)


class Odd(nn.Module):
    """A parameter that has a gradient where a rank has certain samples, one that nothing uses, and a layer that would
    synchronize itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        self.rare, self.unused = nn.Parameter(torch.ones(10)), nn.Parameter(torch.ones(3))
        self.norm = nn.SyncBatchNorm(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs = self.norm(self.body(x))
        marked = x[:, 0, 0, 0] > 1.2
        return torch.where(marked[:, None], outputs * self.rare, outputs) if marked.any() else outputs


def check_gradients_of_some_ranks() -> None:
    data = make_data(image_spec(8), 40)
    settings = {"batch_size": 4, "optimizer": "adamw", "augment": "none"}
    alone = on_ranks(1, steps(8), data, lambda config, spec: Odd(), **settings)[0]
    found = on_ranks(2, steps(8), data, lambda config, spec: Odd(), **settings)
    assert_equal_ranks(found)
    assert_alike(alone, found[0])


class Draws(nn.Module):
    """Adds numbers that it draws by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        self.register_buffer("drawn", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.drawn.copy_(torch.rand(4))
        return self.body(x)


def check_own_draws_differ() -> None:
    """What a layer draws by itself is another on each rank, and the same in a run that is repeated or resumed."""
    data = make_data(image_spec(8), 40)
    build = lambda config, spec: Draws()  # noqa: E731
    whole = on_ranks(2, steps(6), data, build, batch_size=6)
    begun = on_ranks(2, steps(4), data, build, batch_size=6)
    ended = on_ranks(2, going_on(begun[0], 4, 2), data, build, batch_size=6)
    assert (whole[0]["weights/model/drawn"] != whole[1]["weights/model/drawn"]).all()
    for one, other in zip(whole, ended, strict=True):
        assert one["weights/model/drawn"].tobytes() == other["weights/model/drawn"].tobytes()


class TimeFirst(nn.Module):
    """Has a dropout whose rows are no samples, and 48 look like three for each of 16 samples; then one of samples."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 48))
        self.end = nn.Sequential(nn.Dropout(0.5), nn.Linear(48, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = nn.functional.dropout(self.body(x).T, 0.5, self.training)
        return self.end(rows.T)


def check_uneven_shares_draw_the_same_again() -> None:
    """Of 31 samples one rank has 16, another 15: what they draw comes apart in a step, and not for good."""
    data = make_data(image_spec(8), 150)
    build = lambda config, spec: TimeFirst()  # noqa: E731
    whole = on_ranks(2, steps(6), data, build, batch_size=31)
    begun = on_ranks(2, steps(4), data, build, batch_size=31)
    ended = on_ranks(2, going_on(begun[0], 4, 2), data, build, batch_size=31)
    for key, value in ended[0].items():
        there = whole[0][key][4:] if key in ("losses", "metrics") else whole[0][key]
        assert value.tobytes() == there.tobytes(), key


def check_noise_of_own_samples() -> None:
    """It is that of the whole batch, of which no more is kept; also of several rows a sample, and of one sample."""
    for shape, samples, features in (
        ((4, 1000), 4, False),
        ((12, 5, 3), 4, False),
        ((3, 7), 1, False),
        ((4, 6, 5, 5), 4, True),
        ((4, 6, 5, 5), 4, False),
    ):
        part, kept = Part(1, samples, 8 * samples), torch.get_rng_state()
        x = torch.empty(shape)
        x = x.contiguous(memory_format=torch.channels_last) if len(shape) == 4 and not features else x
        group: Any = SimpleNamespace(part=part, world=8, number=1)
        own = draws.Draws(group, torch.device("cpu"), 0)._noise(x, features, 0.5)
        assert own.untyped_storage().nbytes() == own.nbytes, shape
        assert own.shape == (shape if not features else (*shape[:2], 1, 1))
        assert own.is_contiguous(memory_format=torch.channels_last) or x.dim() != 4 or features
        whole = torch.empty(8 * shape[0], *own.shape[1:]).contiguous(
            memory_format=torch.channels_last if len(shape) == 4 and not features else torch.contiguous_format
        )
        torch.set_rng_state(kept)
        whole.bernoulli_(0.5).div_(0.5)
        rows = whole.reshape(8 * samples, -1, *own.shape[1:])[1::8]
        assert torch.equal(own, rows.flatten(0, 1))
        torch.set_rng_state(kept)


def check_a_hundred_steps() -> None:
    """1, 2 and 4 ranks: the same losses for a hundred steps; in float32 rounding grows, on labels that are random. In
    double precision also from 2 to 1 in the middle of an epoch.
    """
    data = data_of()
    for kind, tolerance, count in ((torch.float64, 1e-8, 100), (torch.float32, 1e-5, 15), (torch.float32, 2e-2, 100)):
        alone = on_ranks(1, steps(count), data, kind=kind)[0]
        for world in (2, 4):
            found = on_ranks(world, steps(count), data, kind=kind)
            assert_equal_ranks(found)
            np.testing.assert_allclose(found[0]["losses"], alone["losses"], rtol=tolerance)
        if kind == torch.float64:
            begun = on_ranks(2, steps(52), data)[0]
            ended = on_ranks(1, going_on(begun, 52, 48), data)[0]
            together = np.concatenate([begun["losses"], ended["losses"]])
            np.testing.assert_allclose(together, alone["losses"], rtol=tolerance)


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
