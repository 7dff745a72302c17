"""A whole plugin in one file, with NumPy as its framework: real learning in a fraction of a second, for tests.

Use it as `--plugin tests/fakes/fake_plugin.py`. `step_seconds` makes a run slow enough to be paused or killed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from dltui.core.contract import Arrays, Data, Dataset, EpochPlan, Layer, Model, PreparationContext, Spec, StepStats
from dltui.core.contract.config import DatasetOptions, TrainConfig, unit
from dltui.core.contract.hooks import hookimpl
from dltui.core.contract.types import SplitName
from dltui.core.errors import RunError
from dltui.core.train.augmentation import geometry

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, State


class SoftmaxConfig(TrainConfig):
    epochs: int = Field(
        3, ge=1, le=10_000, description="passes over the training data", json_schema_extra=unit("epochs")
    )
    batch_size: int = Field(32, ge=1, le=65_536, description="samples per step", json_schema_extra=unit("samples"))
    optimizer: Literal["sgd"] = Field("sgd", description="momentum as PyTorch defines it")
    step_seconds: float = Field(0.0, ge=0, le=60, description="sleep in each step", json_schema_extra=unit("s"))


class LinearConfig(SoftmaxConfig):
    batch_size: int = Field(8, ge=1, le=65_536, description="samples per step", json_schema_extra=unit("samples"))
    lr: float = Field(0.05, gt=0, le=10, description="step size", json_schema_extra=unit(""))


@dataclass
class Affine:
    """outputs = x @ kernel + bias, with x flattened in NHWC order."""

    kernel: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        return x @ self.kernel + self.bias


def build(config: SoftmaxConfig, spec: Spec) -> Affine:
    inputs = int(np.prod(spec.input_shape))
    generator = np.random.default_rng(config.seed)
    kernel = generator.normal(0.0, 0.01, (inputs, spec.outputs)).astype(np.float32)
    return Affine(kernel, np.zeros(spec.outputs, dtype=np.float32))


class NumpyTrainable:
    """SGD with momentum on an `Affine`; the loss is cross-entropy for classes and the mean square for numbers."""

    def __init__(self, net: Affine, config: Any, data: Data) -> None:
        self.net = net
        self.config = config
        self.data = data
        self.velocity = {"kernel": np.zeros_like(net.kernel), "bias": np.zeros_like(net.bias)}
        self.steps_done = 0
        self._plan: EpochPlan | None = None
        self._next = 0

    def begin_epoch(self, plan: EpochPlan) -> None:
        self._plan, self._next = plan, 0

    def advance(self, steps: int) -> StepStats:
        assert self._plan is not None
        rows = range(self._next, self._next + steps)
        moves = self._plan.augmentation
        sums = [
            self._step(self._plan.indices[row], float(self._plan.lr[row]), None if moves is None else moves[row])
            for row in rows
        ]
        self._next += steps
        loss, metric = np.array(sums, dtype=np.float64).T
        return StepStats(loss, {self._metric: metric})

    def predict(self, split: SplitName, rows: slice) -> Array:
        return self.net(self._features(self.data.split(split).x[rows]))

    def state(self) -> State:
        state: State = {"optimizer/step": np.array(self.steps_done, dtype=np.int64)}
        for name in ("kernel", "bias"):
            state[f"weights/dense/{name}"] = getattr(self.net, name).copy()
            state[f"optimizer/dense/{name}/momentum"] = self.velocity[name].copy()
        return state

    def load_state(self, state: State) -> None:
        self.steps_done = int(state.get("optimizer/step", self.steps_done))
        for name in ("kernel", "bias"):
            own: Array = getattr(self.net, name)
            new = state.get(f"weights/dense/{name}", own)
            if new.shape != own.shape:
                raise RunError(f"weights/dense/{name} has shape {new.shape}, this model needs {own.shape}")
            setattr(self.net, name, new.copy())
            self.velocity[name] = state.get(f"optimizer/dense/{name}/momentum", self.velocity[name]).copy()

    def layers(self) -> Sequence[Layer]:
        return layers(self.net)

    @property
    def _metric(self) -> str:
        return "accuracy" if self.data.spec.task == "classification" else "mse"

    def _features(self, x: Array) -> Array:
        """Normalized float32 (n, inputs)."""
        mean = np.asarray(self.data.spec.mean, dtype=np.float32)
        std = np.asarray(self.data.spec.std, dtype=np.float32)
        return ((x.astype(np.float32) - mean) / std).reshape(len(x), -1)

    def _step(self, rows: Array, lr: float, moves: Array | None = None) -> tuple[float, float]:
        """One step; returns the sums of the loss and of the metric over the batch."""
        if self.config.step_seconds:
            time.sleep(self.config.step_seconds)
        images, y = self.data.train.x[rows], self.data.train.y[rows]
        x = self._features(images if moves is None else geometry.apply(images, moves))
        outputs = self.net(x)
        loss, metric, gradient = _cross_entropy(outputs, y) if self._metric == "accuracy" else _mean_square(outputs, y)
        self._update("kernel", x.T @ gradient, lr)
        self._update("bias", gradient.sum(axis=0), lr)
        self.steps_done += 1
        return loss, metric

    def _update(self, name: str, gradient: Array, lr: float) -> None:
        weights: Array = getattr(self.net, name)
        gradient = gradient + np.float32(self.config.weight_decay) * weights
        self.velocity[name] = np.float32(self.config.momentum) * self.velocity[name] + gradient
        setattr(self.net, name, weights - np.float32(lr) * self.velocity[name])


def _cross_entropy(logits: Array, y: Array) -> tuple[float, float, Array]:
    """Sum of the loss, number of right ones, gradient of the mean loss at the logits."""
    rows = np.arange(len(y))
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient = np.exp(logs)
    gradient[rows, y] -= 1
    return float(-logs[rows, y].sum()), float((logits.argmax(axis=1) == y).sum()), gradient / np.float32(len(y))


def _mean_square(outputs: Array, y: Array) -> tuple[float, float, Array]:
    """Sum over the batch of each sample's mean square (twice), gradient of its mean at the outputs."""
    error = outputs - y
    total = float(np.square(error).mean(axis=1).sum())
    return total, total, 2 * error / np.float32(error.size)


def layers(net: Affine) -> list[Layer]:
    return [Layer("dense", "Dense", net.bias.shape, net.kernel.size + net.bias.size)]


class NumpyBackend:
    framework = "numpy"
    title = "NumPy"
    package = "numpy"
    install = "pip install numpy"

    def trainable(self, model: Model, config: TrainConfig, data: Data, device: str) -> NumpyTrainable:
        if device != "cpu":
            raise RunError(f"NumPy cannot use {device}; use --device cpu")
        return NumpyTrainable(model.build(config, data.spec), config, data)

    def layers(self, model: Model, config: TrainConfig, spec: Spec) -> Sequence[Layer]:
        return layers(model.build(config, spec))

    def devices(self) -> Sequence[Mapping[str, object]]:
        return [{"device": "cpu", "name": "CPU", "problem": None}]


class BlobsOptions(DatasetOptions):
    n: int = Field(600, ge=20, le=100_000, description="images", json_schema_extra=unit("images"))
    noise: float = Field(60.0, ge=0, le=255, description="standard deviation", json_schema_extra=unit("gray levels"))
    seed: int = Field(0, ge=0, le=2**31 - 1, description="start of the random choices")


BLOBS = ("left", "middle", "right")


def make_blobs(options: BlobsOptions, context: PreparationContext) -> Arrays:
    """8x8 gray images with one bright spot, whose column is the class; noise makes some of them ambiguous."""
    context.progress("drawing blobs", 0.0)
    generator = np.random.default_rng(options.seed)
    y = generator.integers(0, len(BLOBS), options.n)
    rows, columns = np.mgrid[0:8, 0:8]
    center = np.stack([generator.normal(3.5, 0.8, options.n), 1.5 + 2 * y + generator.normal(0, 0.5, options.n)])
    distance = (rows - center[0, :, None, None]) ** 2 + (columns - center[1, :, None, None]) ** 2
    gray = 200 * np.exp(-distance / 3) + generator.normal(0, 1, distance.shape) * options.noise
    x = np.clip(gray, 0, 255).astype(np.uint8)[..., None]
    test = options.n // 5
    return Arrays((x[test:], y[test:].astype(np.int64)), (x[:test], y[:test].astype(np.int64)), BLOBS)


class SlopeOptions(DatasetOptions):
    n: int = Field(400, ge=20, le=100_000, description="points", json_schema_extra=unit("points"))
    seed: int = Field(0, ge=0, le=2**31 - 1, description="start of the random choices")


def make_slope(options: SlopeOptions, context: PreparationContext) -> Arrays:
    """y = 2 x + 1 + noise."""
    generator = np.random.default_rng(options.seed)
    x = generator.uniform(-2, 2, (options.n, 1)).astype(np.float32)
    y = (2 * x + 1 + generator.normal(0, 0.1, x.shape)).astype(np.float32)
    test = options.n // 5
    return Arrays((x[test:], y[test:]), (x[:test], y[:test]))


def embedded(options: Any, data_dirs: Sequence[Path]) -> list[Path] | None:
    return None


@hookimpl
def dltui_backends() -> list[NumpyBackend]:
    return [NumpyBackend()]


@hookimpl
def dltui_models() -> list[Model]:
    return [
        Model(
            id="softmax-numpy",
            name="softmax",
            framework="numpy",
            task="classification",
            summary="softmax regression in NumPy",
            config=SoftmaxConfig,
            build=build,
        ),
        Model(
            id="linear-regression-numpy",
            name="linear-regression",
            framework="numpy",
            task="regression",
            summary="linear regression in NumPy",
            config=LinearConfig,
            build=build,
        ),
    ]


@hookimpl
def dltui_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="blobs",
            task="classification",
            summary="bright spots in three places",
            options=BlobsOptions,
            prepare=make_blobs,
            sources=embedded,
            input_shape=(8, 8, 1),
            classes=len(BLOBS),
            train_size=480,
            test_size=120,
        ),
        Dataset(
            name="slope",
            task="regression",
            summary="points on a line",
            options=SlopeOptions,
            prepare=make_slope,
            sources=embedded,
            input_shape=(1,),
            train_size=320,
            test_size=80,
        ),
    ]
