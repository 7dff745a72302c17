"""Trains one model in two frameworks: the requests for the runs, and the differences between their results."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError, UsageError
from dltui.core.worker.twin_record import MEASURED, folder

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.contract.types import Array
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory


NEAR = 10
"""The number of first steps that are compared closely: later losses carry accumulated rounding errors."""


@dataclass(frozen=True)
class Side:
    """The results of one framework's run."""

    run: str
    framework: str
    test: float | None
    validation: float | None
    samples_per_second: float


@dataclass(frozen=True)
class Comparison:
    """A comparison of twins: `logits` is the largest difference, `losses` the largest relative difference; None if not
    measured.
    """

    metric: str
    first: Side
    second: Side
    images: int
    logits: float | None
    steps: int
    losses: float | None
    losses_near: float | None

    @property
    def speed(self) -> float | None:
        """The speed of the second run divided by that of the first."""
        first, second = self.first.samples_per_second, self.second.samples_per_second
        return second / first if first and second else None


def pair(catalog: Catalog, text: str) -> tuple[ModelEntry, ModelEntry]:
    """The two models of a name (or of the name of an id), PyTorch's first. Raises UsageError."""
    model = catalog.model(text)
    name = model.name
    if model.id not in catalog.models:
        raise UsageError(f"{name} has no twin: members of a family exist in one framework")
    twins = [entry for entry in catalog.models.values() if entry.name == name]
    usable = [entry for entry in twins if entry.available]
    if len(usable) >= 2:
        return usable[0], usable[1]
    if len(twins) < 2:
        both = sorted({m.name for m in catalog.models.values() if m.name != name and _has_twin(catalog, m)})
        hint = f"; {', '.join(both)} do" if both else ""
        raise UsageError(f"{name} has no twin, it exists as {twins[0].id} only{hint}")
    missing = next(entry for entry in twins if not entry.available)
    raise UsageError(f"both frameworks are needed, {missing.id} cannot be used here: {missing.reason}")


def _has_twin(catalog: Catalog, model: ModelEntry) -> bool:
    return len({entry.framework for entry in catalog.models.values() if entry.name == model.name}) > 1


def compare(first: RunReader, second: RunReader) -> Comparison:
    """The comparison of both runs as last refreshed. Raises RunError when they are no twins."""
    import numpy as np

    one, other = measured(first.directory), measured(second.directory)
    if one["logits"].shape != other["logits"].shape:
        raise RunError(f"the outputs of {first.directory.id} and {second.directory.id} have different shapes")
    steps = min(len(one["losses"]), len(other["losses"]))
    a, b = one["losses"][:steps], other["losses"][:steps]
    apart = np.abs(a - b) / np.maximum(np.abs(a), np.finfo(np.float64).tiny)
    monitor = first.history.monitor or {}
    metric = str(monitor.get("metric") or "loss")
    return Comparison(
        metric=metric,
        first=_side(first, metric),
        second=_side(second, metric),
        images=len(one["logits"]),
        logits=float(np.abs(one["logits"] - other["logits"]).max()) if len(one["logits"]) else None,
        steps=steps,
        losses=float(apart.max()) if steps else None,
        losses_near=float(apart[:NEAR].max()) if steps else None,
    )


def measured(run: RunDirectory) -> dict[str, Array]:
    """The arrays "logits" and "losses" that a twin run measured. Raises RunError when they are missing or damaged."""
    import numpy as np

    try:
        with np.load(folder(run) / MEASURED, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("logits", "losses")}
    except Exception as error:
        # A damaged file can ask for anything, a password included.
        raise RunError(f"{run.id} has nothing to compare: it has not begun, or was not started as a twin") from error


def _side(reader: RunReader, metric: str) -> Side:
    history = reader.history
    test: dict[str, Any] = history.test["metrics"] if history.test else {}
    best = (history.best.validation or {}).get(metric) if history.best else None
    framework = str(reader.run.get("framework"))
    return Side(reader.directory.id, framework, test.get(metric), best, _speed(history))


def _speed(history: History) -> float:
    """The median speed over the epochs; the first epoch, which may include compilation, only counts when it
    is alone.
    """
    epochs = [history.epochs[number] for number in sorted(history.epochs)]
    speeds = [record.samples_per_second for record in epochs[1:] or epochs]
    return statistics.median(speeds) if speeds else 0.0
