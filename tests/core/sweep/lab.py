"""Sweeps of the fake plugin whose workers run inside this process, one after the other."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Dimension
from dltui.core.catalog.entries import Catalog
from dltui.core.lifecycle.create import RunRequest
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep import coordinator
from dltui.core.sweep.folder import SweepFolder
from dltui.core.train import loop
from dltui.core.worker import worker_process
from tests.faults.lab import Lab

LR = Dimension("lr", "float", 0.001, 3.0, True)
PLAN = Plan("lab", (LR,), 9, epochs=9, least=1)
CONFIG = {"epochs": 9, "batch_size": 40, "augment": "none", "checkpoint_seconds": 1e4}
REQUEST = RunRequest(
    "softmax-numpy", "blobs", config=CONFIG, formats=("none",), name="lab", command=("dltui", "train", "x")
)


class SweepLab:
    """Makes sweeps in a home, and sees to them."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder)
        self.started: list[tuple[str, Mapping[str, Any] | None]] = []
        """The id of each run whose worker was started, and what replaced its run.json."""
        self.asleep: set[str] = set()
        """The names of runs whose workers die before they begin."""

    def sweep(self, **changes: Any) -> SweepFolder:
        return SweepFolder.create(Plan(**{**PLAN.__dict__, **changes}), REQUEST, [])

    def coordinator(self, folder: SweepFolder) -> coordinator.Coordinator:
        return coordinator.Coordinator(folder, Catalog())

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for name, new in (
                ("create_run", lambda request, *_: self._create(request)),
                ("create_checked", lambda request, checked: self._create(request)),
                ("queue_worker", self.start),
                ("check_request", lambda request, catalog: mock.Mock()),
            ):
                stack.enter_context(mock.patch.object(coordinator, name, new))
            # Neither many checkpoints nor a wait for the disk: that these hold is shown elsewhere.
            stack.enter_context(mock.patch("os.fsync"))
            stack.enter_context(mock.patch.object(loop, "COMMIT_SECONDS", 1e9))
            yield

    def finish(self, folder: SweepFolder) -> None:
        with self.at_work():
            leader = self.coordinator(folder)
            while leader.step():
                pass

    def _create(self, request: RunRequest) -> RunDirectory:
        run = self.lab.new_run(**request.config)
        content = {**run.run(), "name": request.name, "group": request.group, "draws": request.draws}
        content |= {"sweep": request.sweep, "created": 1.0, "command": list(request.command)}
        self.lab.forget(run)
        for key in ("format", "id", "birth"):
            del content[key]
        return RunDirectory.create(str(request.name), content)

    def start(self, run: RunDirectory, at_once: bool = False, instead: Mapping[str, Any] | None = None) -> int:
        self.started.append((run.id, instead))
        if run.id not in self.asleep:
            work = functools.partial(worker_process.work, task=worker_process.Task(instead=instead or {}))
            with mock.patch.object(worker_process, "work", work):
                self.lab.work(run)
        return 0
