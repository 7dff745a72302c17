"""Loads a run for a notebook: `dltui.load_run("my-run").metrics`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.reading.reader import PREDICTIONS, RunReader

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


@dataclass(frozen=True)
class LoadedRun:
    """A run at the time when it was loaded; load it again for newer data.

    `config` are all hyperparameters, `test` the metrics of the test split (empty before the end), `asked` all of
    run.json. `metrics` has one row an epoch: epoch, step, lr, train_loss, validation_loss ..., seconds. `curve` has one
    row a point of the training curve: step, loss, lr ... Both are pandas DataFrames where pandas is installed, else
    dicts of float64 or int64 arrays.
    """

    id: str
    path: Path
    status: str
    config: dict[str, Any]
    test: dict[str, float]
    metrics: Any
    curve: Any
    asked: dict[str, Any]
    _reader: RunReader

    def predictions(self, which: str = "test") -> dict[str, Array]:
        """The arrays of "test", "validation-best" or "validation-latest": `ids` int64 (n,), `labels`, `top` (n, k) best
        classes and `probabilities` (n, k); for a regression `x`, `y` and `prediction`.

        Raises UsageError when there are none (yet), RunError when the file is damaged.
        """
        if which not in PREDICTIONS:
            raise UsageError(f"no predictions {which!r}; there is {', '.join(PREDICTIONS)}")
        found = self._reader.predictions(which)
        if found is None:
            raise UsageError(f"{self.id} has no {which} predictions yet")
        return found


def load_run(path: Path | str) -> LoadedRun:
    """A run by its folder, its id or the beginning of its id. Raises UsageError when there is none."""
    from dltui.core.rundir.directory import find_run

    reader = RunReader(find_run(str(path)))
    reader.refresh()
    history, asked = reader.history, reader.run
    return LoadedRun(
        id=reader.directory.id,
        path=reader.directory.path,
        status=reader.status().name,
        config=dict(asked["config"]),
        test={**history.test["metrics"], **history.test["more"]} if history.test else {},
        metrics=_frame(_epochs(reader)),
        curve=_frame(_points(reader)),
        asked=dict(asked),
        _reader=reader,
    )


def _epochs(reader: RunReader) -> dict[str, list[Any]]:
    """The metrics of the epochs as columns; NaN where an epoch lacks a metric."""
    records = [reader.history.epochs[number] for number in sorted(reader.history.epochs)]
    columns: dict[str, list[Any]] = {name: [getattr(r, name) for r in records] for name in ("epoch", "step", "lr")}
    for part, split in (("train", "train"), ("validation", "validation"), ("more", "validation")):
        for name in dict.fromkeys(name for record in records for name in getattr(record, part)):
            columns[f"{split}_{name}"] = [getattr(r, part).get(name, float("nan")) for r in records]
    return columns | {"seconds": [r.seconds for r in records], "time": [r.time for r in records]}


def _points(reader: RunReader) -> dict[str, list[Any]]:
    points = reader.history.points
    columns = {"step": points.steps, "loss": points.loss, "loss_min": points.loss_min, "loss_max": points.loss_max}
    return {name: list(column) for name, column in {**columns, **points.metrics, "lr": points.lr}.items()}


def _frame(columns: dict[str, list[Any]]) -> Any:
    try:
        import pandas
    except ImportError:
        import numpy as np

        return {name: np.asarray(column) for name, column in columns.items()}
    return pandas.DataFrame(columns)
