"""Whole runs of the fake plugin inside this process, on a clock of their own: each makes the same calls in order."""

from __future__ import annotations

import contextlib
import functools
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from dltui.core.data import prepare_process
from dltui.core.data.prepared import load_prepared
from dltui.core.reading.reader import RunReader
from dltui.core.reading.summary import summary_row
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.lock import RunLock
from dltui.core.train import loop
from dltui.core.train.loop import Loop
from dltui.core.worker import attempt, journal, worker_process
from dltui.core.worker.waiting import device_queue

FAKE = Path(__file__).parents[1] / "fakes" / "fake_plugin.py"
SOURCE = {"kind": "file", "name": FAKE.name, "path": str(FAKE)}
CONFIG: dict[str, Any] = {"epochs": 3, "batch_size": 12, "lr": 2.0, "checkpoint_seconds": 1.3, "augment": "shift"}
"""With this learning rate the first epoch is not the worst: a run that forgot its best would end with other weights."""


class Still(Heartbeat):
    """Writes at its start and its end only: a thread would make the order of calls a matter of chance."""

    def _beat(self) -> None: ...


class Ticks:
    """Each look is a tenth of a second later."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def __call__(self) -> float:
        return next(self._ticks) / 10


class Prepared:
    """Data that is there already."""

    def __init__(self, data: Any, asked: Any, folder: Path | None = None) -> None:
        self._data, self.folder = data, folder

    def data(self, tell: Any) -> Any:
        return self._data

    def cancel(self) -> None: ...


@dataclass
class Result:
    """What a run came to, without what two runs of the same may differ in."""

    weights: str | None
    epochs: dict[int, tuple[Any, Any, int]]
    curve: list[tuple[float, float]]
    test: Any


class Lab:
    """Makes run directories in one folder and works on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = itertools.count()
        asked = {"dataset": "blobs", "dataset_source": SOURCE, "dataset_options": {"n": 130, "noise": 90.0}}
        with mock.patch.dict("os.environ", {"DLTUI_CACHE": str(folder / "cache")}):
            self.data = load_prepared(prepare_process.prepare(asked, lambda text, fraction=None: None))

    def new_run(self, **config: Any) -> RunDirectory:
        record = {
            "created": 1.0,
            "model": "softmax-numpy",
            "framework": "numpy",
            "model_source": SOURCE,
            "backend_source": SOURCE,
            "dataset": "blobs",
            "dataset_options": {},
            "device": {"name": "cpu", "title": "CPU", "uuid": None},
            "config": CONFIG | config,
        }
        with mock.patch.dict("os.environ", {"DLTUI_HOME": str(self.folder / "home")}):
            return RunDirectory.create(f"r{next(self._number)}", record)

    def place(self) -> Path:
        """A folder name for a copy of a run."""
        place = self.folder / "copies" / f"c{next(self._number)}"
        place.parent.mkdir(exist_ok=True)
        return place

    def work(self, run: RunDirectory) -> int:
        """The worker's own `work`, in this process."""
        locks: list[RunLock] = []

        class Held(RunLock):
            def acquire(self, path: Path) -> None:
                super().acquire(path)
                locks.append(self)

        with contextlib.ExitStack() as stack:
            for target, name, new in (
                (attempt, "Preparation", functools.partial(Prepared, self.data)),
                (loop, "Loop", functools.partial(Loop, clock=Ticks())),
                (attempt.Attempt, "export", lambda self: ""),
                (journal, "RETRY_SECONDS", 0.0),
                (worker_process, "Heartbeat", Still),
                # The queue of the device is not in the run's folder.
                (device_queue.Place, "occupy", lambda self: None),
                (worker_process, "RunLock", Held),
                (worker_process, "_listen", lambda attempt: None),
            ):
                stack.enter_context(mock.patch.object(target, name, new))
            try:
                return worker_process.work(run)
            finally:
                for lock in locks:
                    lock.release()

    def finish(self, run: RunDirectory) -> Result:
        """Work to the end."""
        code = self.work(run)
        assert code == 0, summary_row(RunReader(run))
        return result(run)

    def forget(self, run: RunDirectory) -> None:
        shutil.rmtree(run.path)


def result(run: RunDirectory) -> Result:
    reader = RunReader(run)
    reader.refresh()
    history = reader.history
    return Result(
        weights=history.ended.weights_sha256 if history.ended else None,
        epochs={number: (kept.train, kept.validation, kept.step) for number, kept in sorted(history.epochs.items())},
        curve=list(zip(history.points.steps, history.points.loss, strict=True)),
        test=history.test["metrics"] if history.test else None,
    )


@contextlib.contextmanager
def noting_commits(trace: list[tuple[Any, ...]]) -> Iterator[None]:
    """Put ("saved", step) into the trace when a checkpoint is said to be safe."""
    real = checkpoint.save

    def save(run: RunDirectory, name_step: int, *arguments: Any) -> checkpoint.CheckpointInfo:
        info = real(run, name_step, *arguments)
        trace.append(("saved", name_step))
        return info

    with mock.patch.object(checkpoint, "save", save):
        yield
