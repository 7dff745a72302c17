"""Kills runs of models for tables, texts, sequences, masks, labels and several inputs, as `tests.faults.kills` does.

    python -m tests.faults.task_kills torch|tensorflow [--only CASE ...] [--kills 3] [--seed N]

Each case is killed so many times, whole runs long: half of the kills come before a random call of the file system, half
when the log of a run has grown by a random part of what a run writes. Exit code 0: nothing was lost.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from dltui.core.rundir.directory import RunDirectory
from tests.faults.kills import SHIPPED, Killer

PLUGIN = Path(__file__).parents[1] / "fakes" / "two_inputs.py"
OWN = {"kind": "file", "name": PLUGIN.name, "path": str(PLUGIN)}
BOX = {**SHIPPED, "entry_points": (("datasets", "dltui.plugins.datasets"),)}
ROWS = 300
COMMON = {"epochs": 6, "batch_size": 32, "optimizer": "adamw", "threads": 1, "checkpoint_seconds": 0.05}


@dataclass(frozen=True)
class Case:
    """A model on data of a kind: `config` are its hyperparameters beside the common ones."""

    model: str
    dataset: str
    options: Mapping[str, Any] = field(default_factory=dict)
    task: str = "classification"
    takes: tuple[str, ...] = ("single", "table")
    config: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=lambda: BOX)


def _table(folder: Path) -> str:
    """A table with numbers, a category, texts of different lengths, labels and targets."""
    random = np.random.default_rng(0)
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("size", "age", "city", "note", "is_new", "is_old", "out_a", "out_b", "label"))
        for row in range(ROWS):
            size, age = random.normal(size=2)
            words = " ".join(random.choice(list("abcdefgh"), int(random.integers(1, 9))))
            targets = (f"{1_000 * size + 7:.3f}", f"{0.01 * age:.6f}")
            labels = (int(size > 0), int(age > 0))
            city = ("Rome", "Oslo", "Bern")[int(random.integers(3))]
            writer.writerow((f"{size:.4f}", f"{age:.4f}", city, f"{words} {row}", *labels, *targets, "ab"[labels[0]]))
    return str(path)


def _sequences(folder: Path) -> str:
    """Sequences of 3 to 12 steps."""
    random = np.random.default_rng(0)
    path, lengths = folder / "steps.npz", random.integers(3, 13, ROWS)
    y = random.integers(0, 2, ROWS)
    np.savez(path, x=random.normal(size=(ROWS, 12, 2)) + y[:, None, None], y=y, lengths=lengths)
    return str(path)


def cases(folder: Path) -> dict[str, Case]:
    table = {"path": _table(folder), "drop": "is_new,is_old,out_a,out_b"}
    dense = {"layers": [16], "dropout": 0.3}
    labels = {**table, "drop": "label,out_a,out_b", "labels": "is_*"}
    targets = {**table, "drop": "label,is_new,is_old", "targets": "out_*"}
    steps, unet = {"hidden": 16, "dropout": 0.3}, {"width": 4, "depth": 2, "augment": "flip"}
    return {
        "table": Case("tabular", "csv", table, config=dense),
        "labels": Case("tabular", "csv", labels, "multilabel", config=dense),
        "targets": Case("tabular", "csv", targets, "regression", config=dense),
        "text": Case("tabular", "csv", {**table, "text": "note"}, config=dense),
        "sequences": Case("lstm", "sequences", {"path": _sequences(folder)}, takes=("sequence",), config=steps),
        "masks": Case("unet", "shapes", {"n": 120, "size": 24}, "segmentation", ("single",), unet),
        "inputs": Case("both", "pairs", takes=("named",), source=OWN),
    }


class TaskKiller(Killer):
    """Lets runs of a case live and die."""

    def __init__(self, framework: str, folder: Path, seed: int, case: Case) -> None:
        self.case, self.config = case, COMMON | case.config
        self._written = 0
        super().__init__(framework, folder, seed)

    @property
    def model(self) -> str:
        return f"{self.case.model}-{self.framework}"

    @property
    def model_source(self) -> Mapping[str, Any]:
        return OWN if self.case.source is OWN else self.source

    def asked(self) -> dict[str, Any]:
        case = self.case
        return {
            "dataset": case.dataset, "dataset_source": case.source, "dataset_options": dict(case.options),
            "task": case.task, "takes": list(case.takes),
        }  # fmt: skip

    def finished(self, run: RunDirectory) -> None:
        self._written = run.events_path.stat().st_size

    def wait(self, run: RunDirectory, done: Callable[[], bool]) -> None:
        """Until the log has grown by a random part of what a whole run writes, and then for a moment."""
        size = lambda: run.events_path.stat().st_size if run.events_path.exists() else 0  # noqa: E731
        wanted = size() + self.random.random() * self._written
        while size() < wanted and not done():
            time.sleep(0.001)
        time.sleep(0.05 * self.random.random())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("torch", "tensorflow"))
    parser.add_argument("--only", nargs="*", default=[], metavar="CASE")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        places: dict[str, Any] = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache"}
        with mock.patch.dict(os.environ, {**places, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}):
            for name, case in cases(Path(folder)).items():
                if name in asked.only or not asked.only:
                    table = TaskKiller(asked.framework, Path(folder), asked.seed, case).kill(asked.kills)
                    faults += table.faults
                    print("\n".join([name, *table.faults[:20], str(table)]), flush=True)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
