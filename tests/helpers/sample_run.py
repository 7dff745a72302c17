"""A complete, deterministic run directory written through the real modules, for tests of everything that reads one."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dltui.core import fs
from dltui.core.contract import Split
from dltui.core.machine.process import boot_id, current, this_host
from dltui.core.rundir import checkpoint, notes
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import (
    AttemptStarted,
    CheckpointSaved,
    EpochEnded,
    Evaluated,
    Event,
    Logged,
    RunEnded,
    Trained,
)
from dltui.core.rundir.log import EventLog
from dltui.core.train import predictions
from dltui.core.train.position import Best, Progress
from dltui.core.train.seen import Seen

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
BEGAN = 1_780_000_000.0
STEPS, BATCH = 40, 256
SECONDS = 4.0


@dataclass
class Clock:
    """Wall and monotonic time that a test moves by hand."""

    now: float = BEGAN

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def make_sample_run(
    root: Path,
    *,
    task: str = "classification",
    epochs: int = 10,
    status: str = "finished",
    image: bool = True,
    done: int | None = None,
    run_id: str | None = None,
    classes: tuple[str, ...] = CLASSES,
    seed: int = 0,
    gap: tuple[float, float] = (0.0, 0.0),
    reason: str = "",
    remedy: dict[str, Any] | None = None,
    output: str = "",
    seen: bool = False,
) -> RunDirectory:
    """Write a run below `root` (a DLTUI_HOME/runs folder, or any). `done` epochs are in the log (default: all when the
    run has ended, else 6); `status` running, paused, starting or queued writes a heartbeat of this very process. In the
    `gap` between two epochs the training loss is no number. `reason` and `remedy` are those of its end, `output` is
    what its process printed. With `seen` it keeps what each epoch showed: fewer mistakes from one to the next."""
    root.mkdir(parents=True, exist_ok=True)
    regression = task == "regression"
    run_id = run_id or ("lines-1" if regression else "brisk-otter")
    run = RunDirectory(root / run_id)
    for folder in (run.path, run.control_dir, run.checkpoints_dir, run.predictions_dir):
        folder.mkdir(mode=0o700)
    run.run_json.write_text(json.dumps(_asked(run, task, epochs, seed)))
    run.set_labels(name=run_id)
    alive = status in ("running", "paused", "starting", "queued")
    done = done if done is not None else (6 if alive or status == "interrupted" else epochs)
    if status not in ("starting", "queued"):
        with fs.use(_Unsynced()):
            _Writer(run, task, epochs, classes, seed, image, gap, seen).write(
                done, None if alive or status == "interrupted" else status, reason, remedy
            )
    _live(run, status, epochs, done)
    printed = "torch 2.14.1 on cpu, 2 threads\nprepared fashion-mnist: 54,000 + 6,000 + 10,000\n"
    run.worker_log.write_text(output or printed)
    return run


def _asked(run: RunDirectory, task: str, epochs: int, seed: int) -> dict[str, Any]:
    model = "linear-regression-torch" if task == "regression" else "cnn-torch"
    dataset = "lines" if task == "regression" else "fashion-mnist"
    defaults = {
        "epochs": 10, "lr": 0.1, "batch_size": 256, "optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.0,
        "schedule": "one-cycle", "seed": 0, "threads": 0, "deterministic": False, "checkpoint_seconds": 60.0,
    }  # fmt: skip
    return {
        "format": 1, "id": run.id, "created": BEGAN, "created_text": "2026-05-28 20:26:40", "model": model,
        "model_name": model.removesuffix("-torch"), "framework": "torch", "task": task,
        "model_source": {"kind": "distribution", "name": "dltui", "version": "0.1.0", "path": None, "python": None},
        "backend_source": {"kind": "distribution", "name": "dltui", "version": "0.1.0", "path": None, "python": None},
        "dataset": dataset, "dataset_options": {},
        "dataset_source": {"kind": "distribution", "name": "dltui", "version": "0.1.0", "path": None, "python": None},
        "data_dirs": [], "device": {"name": "cpu", "title": "CPU", "uuid": None},
        "config": defaults | {"epochs": epochs, "lr": 0.05, "seed": seed}, "defaults": defaults, "seed": seed,
        "exports": str(run.path.parent.parent / "exports" / run.id), "formats": ["svg"],
        "command": ["dltui", "train", model, "--dataset", dataset, "--lr", "0.05", "--seed", str(seed)],
        "name": run.id, "python": None, "plugins": [], "parent": None, "group": None, "dltui": "0.1.0",
        "cwd": "/home/user/lab",
    }  # fmt: skip


class _Unsynced(fs.FileSystem):
    """Does not wait for the disk, which no sample has to survive."""

    def fsync(self, fd: int) -> None: ...

    def fsync_dir(self, path: Path) -> None: ...


class _Writer:
    """Emits the events of a plausible run: a noisy falling loss, and an accuracy that saturates."""

    def __init__(
        self,
        run: RunDirectory,
        task: str,
        epochs: int,
        classes: tuple[str, ...],
        seed: int,
        image: bool,
        gap: tuple[float, float],
        seen: bool,
    ) -> None:
        self.seen = Seen() if seen else None
        self.run, self.task, self.epochs, self.classes, self.image = run, task, epochs, classes, image
        self.generator = np.random.default_rng(seed)
        self.clock = Clock()
        self.log = EventLog(run.events_path, 1, self.clock)
        self.metric = "mse" if task == "regression" else "accuracy"
        self.gap = gap

    def write(self, done: int, status: str | None, reason: str, remedy: dict[str, Any] | None) -> None:
        self.emit(_started(self.task, self.epochs, self.classes))
        best = Best(0, 0, -math.inf if self.metric == "accuracy" else math.inf)
        for epoch in range(1, done + 1):
            best = self._epoch(epoch, best)
        if status is None:
            self._steps(done + 1, STEPS // 2)
        elif status in ("finished", "stopped"):
            self._predict("test", best.epoch, "test")
            test = self._metrics(best.epoch, validation=True)
            self.emit(Evaluated("test", best.epoch, best.step, test, 0.8))
        if status is not None:
            reason = (
                reason
                or {
                    "finished": "all epochs done",
                    "stopped": "stopped by user",
                    "failed": "the loss is not a finite number at step 412; try lr 0.005",
                    "preempted": "the machine asked for its process back; `dltui resume` goes on from here",
                }[status]
            )
            error = "RunError" if status == "failed" else None
            remedy = remedy if remedy is not None else {"lr": 0.005} if status == "failed" else {}
            self.emit(RunEnded(status, reason, error, done, done * STEPS, 45.0, done * SECONDS, "ab" * 32, remedy))
        self.log.close()

    def emit(self, event: Event) -> None:
        self.log.append(event)

    def _epoch(self, epoch: int, best: Best) -> Best:
        self._steps(epoch, STEPS)
        step = epoch * STEPS
        self.emit(EpochEnded(epoch, step, self._metrics(epoch, validation=False), 0.05, SECONDS, 15_100.0 + 40 * epoch))
        metrics = self._metrics(epoch, validation=True)
        value = metrics[self.metric]
        better = value > best.value if self.metric == "accuracy" else value < best.value
        self.clock.now += 0.4
        self.emit(Evaluated("validation", epoch, step, metrics, 0.4, better))
        if better:
            best = Best(epoch, step, value)
            self._predict("validation-best", epoch, "validation")
        self._predict("validation-latest", epoch, "validation")
        if self.seen is not None:
            outputs, split = self._classes(margin=4.0 - 3.0 * math.exp(-epoch / 3))
            arrays = predictions.collect("classification", outputs, split, "validation", epoch)
            notes.append_epoch(self.run.predictions_dir, self.seen.record(arrays, epoch, step) or {}, 1)
        self._checkpoint(epoch, step, best, better)
        self.emit(Logged("info", f"epoch {epoch} saved"))
        return best

    def _steps(self, epoch: int, count: int) -> None:
        """One point a step, in events of ten."""
        for first in range(0, count, 10):
            numbers = [(epoch - 1) * STEPS + first + i + 1 for i in range(min(10, count - first))]
            loss = [self._curve(number / STEPS) * (1 + 0.12 * self.generator.standard_normal()) for number in numbers]
            accuracy = [min(max(0.94 - 0.4 * value + 0.1, 0.0), 1.0) for value in loss]
            metrics = {self.metric: loss if self.metric == "mse" else accuracy}
            self.clock.now += SECONDS * len(numbers) / STEPS
            lr = [0.05] * len(numbers)
            self.emit(Trained(epoch, numbers, loss, loss, loss, metrics, lr, SECONDS * len(numbers) / STEPS, 15_100.0))

    def _curve(self, position: float) -> float:
        if self.gap[0] <= position < self.gap[1]:
            return math.nan
        return 0.18 + 1.1 * math.exp(-position / 0.9) + 0.25 / (1 + position)

    def _metrics(self, epoch: int, validation: bool) -> dict[str, float]:
        if self.metric == "mse":
            error = 0.249 + 3.0 * math.exp(-epoch / 1.5) + (0.004 if validation else 0.0)
            return {"loss": error, "mse": error}
        if validation:
            loss = 0.23 + 0.5 * math.exp(-epoch / 1.8) + 0.004 * max(0, epoch - 6)
            return {"loss": loss, "accuracy": 0.9177 - 0.12 * math.exp(-epoch / 1.6) - 0.0008 * abs(epoch - 8)}
        return {"loss": self._curve(epoch - 0.5), "accuracy": 0.955 - 0.25 * math.exp(-epoch / 1.7)}

    def _predict(self, name: str, epoch: int, split: str) -> None:
        outputs, samples = _line() if self.task == "regression" else self._classes()
        arrays = predictions.collect(self.task, outputs, samples, split, epoch)  # type: ignore[arg-type]
        predictions.write(self.run.predictions_dir / f"{name}.npz", arrays)

    def _classes(self, margin: float = 4.0) -> tuple[np.ndarray[Any, Any], Split]:
        return _classified(len(self.classes), margin, self.image)

    def _checkpoint(self, epoch: int, step: int, best: Best, better: bool) -> None:
        kernel = np.full((4, 3), float(epoch), dtype=np.float32)
        if self.task == "regression":
            kernel = np.array([[1.997]], dtype=np.float32)
        bias = np.full(kernel.shape[1], 1.01, dtype=np.float32)
        state = {"weights/dense/kernel": kernel, "weights/dense/bias": bias, "optimizer/step": np.array(step)}
        at = Progress(epoch=epoch, best=best)
        info = checkpoint.save(self.run, step, 1, state, at.to_json(), better)
        self.emit(CheckpointSaved(info.name, epoch, step, better, info.bytes))
        checkpoint.prune(self.run)


@functools.cache
def _classified(classes: int, margin: float, image: bool) -> tuple[np.ndarray[Any, Any], Split]:
    """Logits that take tops for one another, as on Fashion-MNIST."""
    generator, count = np.random.default_rng(1), 1000
    y = generator.integers(0, classes, count)
    logits = generator.normal(0, 1.0, (count, classes)).astype(np.float32)
    logits[np.arange(count), y] += margin
    for one, other in ((6, 0), (0, 6), (2, 4), (4, 2), (6, 2), (7, 9)):
        if max(one, other) < classes:
            logits[y == one, other] += 2.2
    x = _pictures(y, generator) if image else generator.normal(size=(count, 4)).astype(np.float32)
    return logits, Split(x, y, np.arange(count) * 7 % 10_000)


def _pictures(y: np.ndarray[Any, Any], generator: np.random.Generator) -> np.ndarray[Any, Any]:
    """Gray 28x28 shapes, one kind a class: enough to be told apart at a glance."""
    rows, columns = np.mgrid[0:28, 0:28]
    kinds = []
    for label in range(int(y.max()) + 1):
        width, height = 5 + label % 5 * 2, 6 + label // 2 % 5 * 2
        inside = (abs(columns - 13.5) < width) & (abs(rows - 13.5) < height)
        hole = (abs(columns - 13.5) < 2) & (rows > 14) if label % 2 else np.zeros_like(inside)
        kinds.append(np.where(inside & ~hole, 110 + 12 * (label % 10), 0))
    noise = generator.integers(0, 40, (len(y), 28, 28))
    return np.clip(np.stack(kinds)[y] + noise, 0, 255).astype(np.uint8)[..., None]


def _line() -> tuple[np.ndarray[Any, Any], Split]:
    generator = np.random.default_rng(2)
    x = generator.uniform(-3, 3, (200, 1)).astype(np.float32)
    y = (2 * x + 1 + generator.normal(0, 0.5, x.shape)).astype(np.float32)
    return (1.997 * x + 1.01).astype(np.float32), Split(x, y, np.arange(200))


def _started(task: str, epochs: int, classes: tuple[str, ...]) -> AttemptStarted:
    regression = task == "regression"
    layers = [
        ("conv1", "Conv2D 5x5", [28, 28, 6], 156), ("norm1", "BatchNorm", [28, 28, 6], 24),
        ("pool1", "AveragePool 2x2", [14, 14, 6], 0), ("conv2", "Conv2D 5x5", [10, 10, 16], 2416),
        ("norm2", "BatchNorm", [10, 10, 16], 64), ("pool2", "AveragePool 2x2", [5, 5, 16], 0),
        ("flatten", "Flatten", [400], 0), ("dense1", "Dense", [120], 48_120), ("dense2", "Dense", [84], 10_164),
        ("output", "Dense", [len(classes)], 85 * len(classes)),
    ]  # fmt: skip
    if regression:
        layers = [("dense", "Dense", [1], 2)]
    return AttemptStarted(
        start_step=0, start_epoch=0, epochs=epochs, steps_per_epoch=STEPS, total_steps=epochs * STEPS,
        batch_size=BATCH, resumed_from=None, host=this_host(), pid=4242, user="user",
        device={"name": "cpu", "title": "CPU", "uuid": None}, framework="torch",
        versions={"python": "3.11.7", "dltui": "0.1.0", "numpy": "2.4.6", "torch": "2.14.1"}, threads=2,
        dataset={
            "name": "lines" if regression else "fashion-mnist", "fingerprint": "5f" * 32,
            "classes": [] if regression else list(classes), "input_shape": [1] if regression else [28, 28, 1],
            "task": task, "sizes": {"train": 54_000, "validation": 6_000, "test": 10_000}, "options": {},
        },
        monitor={"metric": "loss" if regression else "accuracy", "split": "validation",
                 "mode": "min" if regression else "max"},
        parameters=sum(layer[3] for layer in layers),
        layers=[dict(zip(("name", "kind", "output", "parameters"), layer, strict=True)) for layer in layers],
        mode="eager",
    )  # fmt: skip


def _live(run: RunDirectory, status: str, epochs: int, done: int) -> None:
    """A heartbeat of this process when the run is to look alive, of a dead one otherwise."""
    alive = status in ("running", "paused", "starting", "queued")
    me = current()
    step = 0 if status in ("starting", "queued") else done * STEPS + (STEPS // 2 if alive else 0)
    phase = {"running": "training", "paused": "paused", "starting": "importing", "interrupted": "training"}
    phase["queued"] = "queued"
    detail = "1st in line for cpu, after brisk-otter" if status == "queued" else ""
    now = BEGAN + done * (SECONDS + 0.4) + SECONDS / 2
    record = {
        "host": this_host(), "boot_id": boot_id(), "pid": me.pid if alive else 999_999_999,
        "start_ticks": me.start_ticks, "attempt": 1, "phase": phase.get(status, "ended"), "phase_since": now - 6,
        "detail": detail, "epoch": done, "epochs": epochs, "step": step, "total_steps": epochs * STEPS, "counter": 99,
        "moved": now, "patience": 30.0, "time": now, "rss": 412 << 20,
    }  # fmt: skip
    (run.path / "live.json").write_text(json.dumps(record))
