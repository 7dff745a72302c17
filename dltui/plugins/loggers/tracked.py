"""Weights & Biases and Trackio, which take a run's curves in the same words: init, log, finish."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Logger

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

PROJECT = "dltui"
GOOD = ("finished", "stopped", "paused")


class Tracked:
    """Logs hyperparameters and curves to `package`; `more` are further arguments of its init and of its finish."""

    def __init__(self, package: str, run: RunReader, project: str, attempt: int, more: Mapping[str, Any]) -> None:
        asked = run.run
        name = run.directory.id if attempt == 1 else f"{run.directory.id}-{attempt}"
        config = {**asked["config"], "model": asked["model"], "dataset": asked["dataset"], "attempt": attempt}
        self._run = importlib.import_module(package).init(project=project or PROJECT, name=name, config=config, **more)
        self._step = 0

    def event(self, record: Mapping[str, Any]) -> None:
        if record["type"] == "trained":
            columns = {"loss": record["loss"], "lr": record["lr"], **record["metrics"]}
            for position, step in enumerate(record["steps"]):
                self._log("step", {name: column[position] for name, column in columns.items()}, step)
        elif record["type"] == "epoch_ended":
            self._log("train", record["train"], record["step"])
        elif record["type"] == "evaluated":
            self._log(record["split"], record["metrics"], record["step"])

    def close(self, status: str) -> None:
        self._run.finish()

    def _log(self, split: str, values: Mapping[str, float | None], step: int) -> None:
        """Log values of a split. Steps never go back, which both would refuse: the test result, which is of the best
        step, stands at the last.
        """
        self._step = max(self._step, step)
        known = {f"{split}/{name}": value for name, value in values.items() if value is not None}
        if known:
            self._run.log(known, step=self._step)


class Wandb(Tracked):
    """A run of Weights & Biases in the folder wandb beside the figures."""

    def __init__(self, run: RunReader, project: str, attempt: int) -> None:
        # Nothing leaves the machine unless the user says so; `wandb sync` sends it later.
        mode = os.environ.get("WANDB_MODE", "offline")
        folder = Path(run.run["exports"]).parent
        # Where it cannot write, wandb takes a temporary folder, and says so in worker.log alone.
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("wandb", run, project, attempt, {"mode": mode, "dir": str(folder)})

    def close(self, status: str) -> None:
        self._run.finish(exit_code=int(status not in GOOD))


WANDB = Logger(
    name="wandb",
    summary="Weights & Biases, offline unless WANDB_MODE says otherwise; wandb=PROJECT",
    open=Wandb,
    package="wandb",
    install="pip install 'dltui[wandb]'",
)
TRACKIO = Logger(
    name="trackio",
    summary="Trackio, on this machine; trackio=PROJECT",
    open=lambda run, project, attempt: Tracked("trackio", run, project, attempt, {}),
    package="trackio",
    install="pip install 'dltui[trackio]'",
)
