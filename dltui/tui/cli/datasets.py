"""`dltui datasets`: what there is to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dltui.tui.cli import numbers
from dltui.tui.cli.terminal import say, say_json, warn

if TYPE_CHECKING:
    from dltui.core.catalog import DatasetEntry


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def datasets(as_json: bool) -> int:
    """List the datasets with their sizes and options."""
    from dltui.core.catalog import load_catalog

    catalog = load_catalog()
    entries = list(catalog.datasets.values())
    if as_json:
        say_json([as_object(entry) for entry in entries])
        return 0
    rows = [["DATASET", "TASK", "SHAPE", "SAMPLES", "WHERE", "OPTIONS", ""]]
    rows += [_row(entry) for entry in entries]
    for line in numbers.table(rows):
        say(line)
    for name, reason in catalog.problems:
        warn(f"plugin {name}: {reason}")
    return 0


def as_object(entry: DatasetEntry) -> dict[str, Any]:
    """A dataset as `--json` shows it."""
    from dltui.core.presence import presence

    return {
        "name": entry.name,
        "task": entry.task,
        "summary": entry.summary,
        "input_shape": list(entry.input_shape),
        "classes": entry.classes,
        "train_size": entry.train_size,
        "test_size": entry.test_size,
        "download_bytes": entry.download_bytes,
        "embedded": entry.embedded,
        "present": presence(entry).here,
        "options": [field.to_json() for field in entry.fields],
    }


def _row(entry: DatasetEntry) -> list[str]:
    from dltui.core.presence import presence

    return [
        entry.name,
        entry.task,
        "x".join(str(length) for length in entry.input_shape),
        f"{entry.train_size:,} + {entry.test_size:,}",
        presence(entry).text,
        " ".join(field.name for field in entry.fields),
        entry.summary,
    ]
