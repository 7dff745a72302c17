"""The tools that read: runs, their metrics and logs, comparisons, models and datasets. Each returns plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.text import clean_line
from dltui.tui.cli.follow.sending import known_status, open_run

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

MOST_WAITED = 600.0
"""Seconds of a single wait: clients give up on tools that take longer."""
MOST_LINES = 1_000


def list_runs(most: int = 50, status: str = "") -> dict[str, Any]:
    """List the runs, the newest first: id, status, model, dataset, epoch, best value. `status` keeps those of one
    status, such as running, finished or failed; `most` is how many are listed.
    """
    from dltui.core.lifecycle.launch.asked_rows import asked_rows

    rows = [row for row in asked_rows() if not status or row["status"] == status]
    return {"runs": rows[: max(most, 0)], "total": len(rows)}


def read_run(run: str = "") -> dict[str, Any]:
    """Read a run, the latest by default: its status, progress and best value, its settings, and its test result."""
    from dltui.core.reading.summary import summary_row

    reader = open_run(run or None)
    # The summary then has what a launcher said.
    known_status(reader)
    asked, history = reader.run, reader.history
    return {
        **summary_row(reader),
        "config": asked.get("config") or {},
        "dataset_options": asked.get("dataset_options") or {},
        "command": asked.get("command"),
        "dataset_found": {
            key: value for key, value in history.attempt.dataset.items() if key in ("sizes", "fingerprint")
        }
        if history.attempt
        else None,
        "test": history.test.get("metrics") if history.test else None,
        "commands": [
            {key: one.get(key) for key in ("action", "arguments", "by", "epoch", "step")} for one in history.commands
        ],
    }


def read_metrics(run: str = "", last: int = 50) -> dict[str, Any]:
    """Read the metrics of a run epoch by epoch, on the train and the validation split; `last` epochs of them."""
    reader = open_run(run or None)
    _ = reader.run
    rows = [
        {"epoch": number, **{key: getattr(record, key) for key in ("step", "train", "validation", "lr", "seconds")}}
        for number, record in sorted(reader.history.epochs.items())
    ]
    return {"run": reader.directory.id, "epochs": len(rows), "metrics": rows[-max(last, 1) :]}


def read_log(run: str = "", last: int = 50) -> dict[str, Any]:
    """Read the last lines of a run's log: information, warnings and errors."""
    reader = open_run(run or None)
    _ = reader.run
    lines = [{"time": when, "level": level, "text": clean_line(text)} for when, level, text in reader.history.logs]
    return {"run": reader.directory.id, "lines": lines[-max(min(last, MOST_LINES), 1) :]}


def wait_for(run: str = "", until: str = "", timeout: str = "60s") -> dict[str, Any]:
    """Wait until a run has ended, or until a condition on its progress holds, such as "validation.accuracy>=0.92" or
    "epoch>=5"; at most for `timeout`, as 90s or 10m, and never longer than 10 minutes. `reason` says which it was:
    "ended", "condition" or "timeout".
    """
    import time

    from dltui.core.analysis.measures import condition
    from dltui.core.train.options import time_budget
    from dltui.tui.cli.follow import until as waiting

    wanted = condition.parse(until) if until else None
    seconds = min(time_budget.parse(timeout, "timeout"), MOST_WAITED)
    reader = open_run(run or None)
    _ = reader.run
    began = time.monotonic()
    found = waiting.wait(reader, wanted, began + seconds)
    return waiting.as_object(reader, found, wanted, time.monotonic() - began)


def compare_runs(runs: Sequence[str], goal: float | None = None) -> dict[str, Any]:
    """Compare runs: settings that differ, best values, speed, and the time to `goal`, a value such as 0.9."""
    from dltui.core.analysis import comparison

    if len(runs) < 2:
        raise UsageError(f"two runs or more are compared, got {len(runs)}")
    return comparison.as_object(comparison.compare([open_run(text) for text in runs], goal))


def list_models(plugins: Sequence[str] = ()) -> dict[str, Any]:
    """List the models that can be trained here, with their hyperparameters and defaults. Of a family, whose id ends
    with :NAME, NAME stands for any of its many members. `problems` says which plugins could not be loaded.
    """
    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog(plugins)
    families = [replace(family.model, id=f"{family.name}:NAME") for family in catalog.families.values()]
    return {
        "models": [
            {
                "id": entry.id,
                "summary": entry.summary,
                "tasks": list(entry.tasks),
                "available": entry.available,
                "reason": entry.reason,
                "hyperparameters": {field.name: field.default for field in entry.fields},
            }
            for entry in (*catalog.models.values(), *families)
        ],
        "problems": _problems(catalog),
    }


def list_datasets(plugins: Sequence[str] = ()) -> dict[str, Any]:
    """List the datasets with their options; data of your own is folder:PATH or csv:PATH. `problems` says which plugins
    could not be loaded.
    """
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.data.search import presence

    catalog = load_catalog(plugins)
    return {
        "datasets": [
            {
                "name": f"{entry.name}:PATH" if entry.needs_path else entry.name,
                "task": entry.task,
                "summary": entry.summary,
                "present": presence(entry).here,
                "options": {field.name: field.default for field in entry.fields},
            }
            for entry in catalog.datasets.values()
        ],
        "problems": _problems(catalog),
    }


def _problems(catalog: Catalog) -> list[str]:
    return [f"plugin {name}: {reason}" for name, reason in catalog.problems]


TOOLS: tuple[Callable[..., dict[str, Any]], ...] = (
    list_runs,
    read_run,
    read_metrics,
    read_log,
    wait_for,
    compare_runs,
    list_models,
    list_datasets,
)
