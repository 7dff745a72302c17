"""Tables of a comparison: a line per run, and a line per epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.numbers import exact
from dltui.core.text import cell

if TYPE_CHECKING:
    from dltui.core.analysis.comparison import Comparison


def runs_csv(found: Comparison) -> str:
    """The results in full precision, and the settings that differ."""
    metric = found.metric
    head = [
        "run", "name", "model", "framework", "dataset", "device", "status", "epochs", f"best_validation_{metric}",
        "best_epoch", f"test_{metric}", "parameters", "samples_per_second", "train_seconds", "goal", "seconds_to_goal",
        "epochs_to_goal",
    ]  # fmt: skip
    rows = []
    for place, entry in enumerate(found.entries):
        best, reached = entry.best, entry.reached
        results = [
            entry.id, entry.name, entry.model, entry.framework, entry.dataset, entry.device, entry.status,
            entry.epochs, best and best.value, best and best.epoch, entry.test.get(metric),
            entry.parameters, entry.samples_per_second, entry.train_seconds, found.goal,
            reached and reached.seconds, reached and reached.epoch,
        ]  # fmt: skip
        settings = [_setting(values[place]) for values in found.differences.values()]
        rows.append([*map(_cell, results), *settings])
    return _csv([*head, *(f"setting {name}" for name in found.differences)], rows)


def epochs_csv(found: Comparison) -> str:
    """The validation split's metrics of every run after each epoch, and the seconds of training until then."""
    names = found.metrics
    head = ["epoch", *(f"{entry.name} {name}" for name in (*names, "train_seconds") for entry in found.entries)]
    aligned = {name: dict(found.aligned(name)) for name in names}
    seconds = [
        {point.epoch: point.seconds for name in names for point in entry.curves[name]} for entry in found.entries
    ]
    unknown: Sequence[float | None] = [None] * len(found.entries)
    rows = [
        [
            str(epoch),
            *(_cell(value) for name in names for value in aligned[name].get(epoch, unknown)),
            *(_cell(column.get(epoch)) for column in seconds),
        ]
        for epoch in found.epochs()
    ]
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose `rows` are finished cells."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name) for name in head])
    writer.writerows(rows)
    return text.getvalue()


def _setting(value: Any) -> str:
    """A setting as a cell: numbers, which may be negative, are no text that a spreadsheet would evaluate."""
    parts = value if isinstance(value, (list, tuple)) else (value,)
    numbers = all(part is None or isinstance(part, (int, float)) for part in parts)
    return exact(value) if numbers else _cell(exact(value))


def _cell(value: Any) -> str:
    """A value as a cell: "" for unknown values; a text that a spreadsheet would evaluate stays a text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    return cell(value) if isinstance(value, str) and value != "-" else str(value)
