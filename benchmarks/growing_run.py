"""A run that grows without training: its log is written through core's own writer at the pace of a very fast run.

    python benchmarks/growing_run.py RUN_DIR [--epochs N] [--epoch-seconds S] [--points N] [--thinned]

`--points` are written at once, before it begins to grow. A step is a point, or with `--thinned` as many steps as a
worker puts into one.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import AttemptStarted, CheckpointSaved, EpochEnded, Evaluated, Logged, Trained
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.log import EventLog
from dltui.core.train.buckets import Buckets

STEPS = 400
BATCH = 256
TRAINED_SECONDS = 0.5
BLOCK = 500
CLASSES = [f"class {number}" for number in range(10)]


def create(path: Path, epochs: int) -> RunDirectory:
    """The folder of a run that was asked for and has not begun."""
    run = RunDirectory(path)
    for folder in (run.path, run.control_dir, run.checkpoints_dir, run.predictions_dir):
        folder.mkdir(mode=0o700, parents=True)
    config = {"epochs": epochs, "lr": 0.1, "batch_size": BATCH, "schedule": "one-cycle", "seed": 0}
    asked: dict[str, Any] = {
        "format": 1, "id": run.id, "created": time.time(), "created_text": "", "model": "cnn-torch",
        "model_name": "cnn", "framework": "torch", "task": "classification", "dataset": "fashion-mnist",
        "dataset_options": {}, "data_dirs": [], "device": {"name": "cpu", "title": "CPU", "uuid": None},
        "config": config, "defaults": config,
        "seed": 0, "exports": str(path / "exports"), "formats": ["svg"], "command": ["dltui", "train", "cnn-torch"],
        "name": run.id, "python": None, "plugins": [], "parent": None, "group": None, "dltui": "0.1.0", "cwd": "/",
    }  # fmt: skip
    run.run_json.write_text(json.dumps(asked))
    run.set_labels(name=run.id)
    return run


class Growing:
    """Emits what a worker emits: a noisy falling loss, an accuracy that saturates, a line an epoch."""

    def __init__(
        self,
        run: RunDirectory,
        epochs: int,
        epoch_seconds: float,
        heartbeat: bool = True,
        steps: int = STEPS,
        thinned: bool = False,
    ) -> None:
        self.steps = steps
        self.epochs, self.epoch_seconds = epochs, epoch_seconds
        self.log = EventLog(run.events_path, 1)
        self.beat = Heartbeat(run.path, 1, (epochs, epochs * self.steps)) if heartbeat else None
        self.random = np.random.default_rng(0)
        self.step = 0
        self.buckets = Buckets(epochs * steps if thinned else 1)
        self.log.append(self._started())
        if self.beat:
            self.beat.phase("training")

    def _started(self) -> AttemptStarted:
        return AttemptStarted(
            start_step=0, start_epoch=0, epochs=self.epochs, steps_per_epoch=self.steps,
            total_steps=self.epochs * self.steps, batch_size=BATCH, resumed_from=None, host="bench", pid=1, user="user",
            device={"name": "cpu", "title": "CPU", "uuid": None}, framework="torch", versions={"torch": "2.14"},
            threads=2,
            dataset={"name": "fashion-mnist", "fingerprint": "0" * 64, "classes": CLASSES, "input_shape": [28, 28, 1],
                     "task": "classification", "sizes": {}, "options": {}},
            monitor={"metric": "accuracy", "split": "validation", "mode": "max"}, parameters=61_706, layers=[],
        )  # fmt: skip

    def advance(self, steps: int, seconds: float) -> None:
        """The next steps, within one epoch."""
        numbers = np.arange(self.step + 1, self.step + steps + 1)
        loss = 0.2 + 2.0 * np.exp(-numbers / (self.steps * 3)) + 0.06 * self.random.standard_normal(steps)
        accuracy = np.round(BATCH * (1 - loss / 3)) / BATCH
        lr = 0.1 * np.sin(np.pi * numbers / (self.epochs * self.steps))
        self.buckets.add(self.step, loss, {"accuracy": accuracy}, lr)
        self.step += steps
        epoch = (self.step - 1) // self.steps + 1
        rate = steps * BATCH / seconds if seconds else 15_000.0
        columns = self.buckets.take(final=self.step % self.steps == 0)
        if columns is not None:
            self.log.append(Trained(epoch, **columns, seconds=seconds, samples_per_second=rate))
        if self.beat:
            self.beat.progress(self.step, epoch - 1)
        if self.step % self.steps == 0:
            self._epoch(epoch)

    def _epoch(self, epoch: int) -> None:
        loss = 0.25 + 2.0 * math.exp(-epoch / 3) + 0.01 * self.random.standard_normal()
        rate = self.steps * BATCH / self.epoch_seconds
        self.log.append(EpochEnded(epoch, self.step, {"loss": loss, "accuracy": 0.9}, 0.1, self.epoch_seconds, rate))
        metrics = {"loss": loss, "accuracy": 1 - loss / 3}
        self.log.append(Evaluated("validation", epoch, self.step, metrics, 0.05, False))
        self.log.append(CheckpointSaved(f"a01-step-{self.step:08d}", epoch, self.step, False, 500_000), sync=True)
        self.log.append(Logged("info", f"epoch {epoch} saved"))

    def grow(self) -> None:
        """In real time until all epochs are done."""
        each = max(round(self.steps * TRAINED_SECONDS / self.epoch_seconds), 1)
        while self.step < self.epochs * self.steps:
            steps = min(each, self.steps - self.step % self.steps)
            time.sleep(TRAINED_SECONDS * steps / each)
            self.advance(steps, TRAINED_SECONDS * steps / each)

    def end(self) -> None:
        """End the threads that show that it is alive."""
        if self.beat:
            self.beat.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--epoch-seconds", type=float, default=1.0)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--thinned", action="store_true")
    given = parser.parse_args()
    run = create(given.run_dir, given.epochs)
    growing = Growing(run, given.epochs, given.epoch_seconds, thinned=given.thinned)
    while growing.step < given.points:
        growing.advance(min(BLOCK, STEPS - growing.step % STEPS), 0.0)
    growing.grow()


if __name__ == "__main__":
    main()
