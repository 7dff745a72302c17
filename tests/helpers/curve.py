"""Real curves of short runs, kept as numbers in tests/helpers/curves, and histories made of them up to any epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core.reading.history import History

FOLDER = Path(__file__).parent / "curves"


@dataclass(frozen=True)
class Curve:
    """A run that was made with `command`. `labels` are what somebody who looked at the whole curve says: the kind, from
    which to which epoch it is right to say so (null: to the end), and whether it must have been said by the end."""

    name: str
    command: str
    schedule: str
    labels: list[dict[str, Any]]
    run: dict[str, Any]

    @property
    def length(self) -> int:
        return len(self.run["rows"])

    @property
    def failed(self) -> bool:
        return bool(self.run["ended"]["status"] == "failed")

    def history(self, epochs: int, ended: bool = False) -> History:
        """What a viewer knows when that many epochs are done."""
        history = History()
        for record in self._records(epochs, ended):
            history.fold([{"attempt": 1, "time": 0.0, "elapsed": 0.0, **record}])
        return history

    def _records(self, epochs: int, ended: bool) -> list[dict[str, Any]]:
        metric = "mse" if self.run["task"] == "regression" else "accuracy"
        records, steps, rows = [_started(self.run)], self.run["steps_per_epoch"], self.run["rows"]
        for number, row in enumerate(rows[:epochs], 1):
            train, validation = dict(zip(("loss", metric), row[:2], strict=True)), {"loss": row[2], metric: row[3]}
            share = (self.run["data_seconds"] or 0.0) / (self.run["told_seconds"] or 1.0)
            data = None if self.run["data_seconds"] is None else share * row[4]
            records.append(_trained(number, number * steps, train, row[4], data))
            records.append(_epoch_ended(number, number * steps, train, row[4]))
            records.append(_evaluated(number, number * steps, validation, row[5]))
        if ended:
            told = {"type": "run_ended", "error": None, "epoch": len(rows), "step": 0, "seconds": 1.0}
            records.append({**told, "train_seconds": 1.0, **self.run["ended"]})
        return records


def _started(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "attempt_started", "start_step": 0, "start_epoch": 0, "epochs": run["epochs"],
        "steps_per_epoch": run["steps_per_epoch"], "total_steps": run["epochs"] * run["steps_per_epoch"],
        "batch_size": 1, "resumed_from": None, "host": "", "pid": 1, "user": "", "device": {}, "framework": "torch",
        "versions": {}, "threads": 1, "monitor": run["monitor"], "parameters": 1, "layers": [],
        "dataset": {"classes": [str(number) for number in range(run["classes"])], "sizes": run["sizes"]},
    }  # fmt: skip


def _trained(epoch: int, step: int, train: dict[str, float], seconds: float, data: float | None) -> dict[str, Any]:
    loss = [train["loss"]]
    return {
        "type": "trained", "epoch": epoch, "steps": [step], "loss": loss, "loss_min": loss, "loss_max": loss,
        "metrics": {}, "lr": [0.1], "seconds": seconds, "samples_per_second": 1.0, "data_seconds": data,
    }  # fmt: skip


def _epoch_ended(epoch: int, step: int, train: dict[str, float], seconds: float) -> dict[str, Any]:
    return {
        "type": "epoch_ended", "epoch": epoch, "step": step, "train": train, "lr": 0.1, "seconds": seconds,
        "samples_per_second": 1.0,
    }  # fmt: skip


def _evaluated(epoch: int, step: int, metrics: dict[str, float], seconds: float) -> dict[str, Any]:
    return {
        "type": "evaluated", "split": "validation", "epoch": epoch, "step": step, "metrics": metrics,
        "seconds": seconds, "best": False,
    }  # fmt: skip


def curves() -> list[Curve]:
    """All of them, by name."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        run = json.loads(path.read_text())
        found.append(Curve(path.stem, run["command"], run["schedule"], run["labels"], run))
    return found
