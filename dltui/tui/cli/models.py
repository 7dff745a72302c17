"""`dltui models`: what can be trained, and the hyperparameters of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dltui.tui.cli import completion, numbers
from dltui.tui.cli.options import shown
from dltui.tui.cli.terminal import say, say_json, warn

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog, ModelEntry


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="a .py file with a model; repeatable")
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def models(model: str | None, plugins: tuple[str, ...], as_json: bool) -> int:
    """List the models; with MODEL, its hyperparameters."""
    from pathlib import Path

    from dltui.core.catalog import load_catalog

    catalog = load_catalog(plugins=[Path(path) for path in plugins])
    chosen = [catalog.model(model)] if model else list(catalog.models.values())
    if as_json:
        say_json([as_object(entry) for entry in chosen])
    elif model:
        _describe(chosen[0])
    else:
        _list(catalog)
    return 0


def as_object(entry: ModelEntry) -> dict[str, Any]:
    """A model as `--json` shows it; where it comes from stays out."""
    return {
        "id": entry.id,
        "name": entry.name,
        "framework": entry.framework,
        "task": entry.task,
        "summary": entry.summary,
        "available": entry.available,
        "reason": entry.reason,
        "hyperparameters": [field.to_json() for field in entry.fields],
    }


def _list(catalog: Catalog) -> None:
    rows = [["MODEL", "FRAMEWORK", "TASK", ""]]
    for entry in catalog.models.values():
        note = entry.summary if entry.available else f"not available: {entry.reason}"
        rows.append([entry.id, entry.framework, entry.task, note])
    for line in numbers.table(rows):
        say(line)
    for name, reason in catalog.problems:
        warn(f"plugin {name}: {reason}")


def _describe(entry: ModelEntry) -> None:
    say(f"{entry.id}: {entry.summary}")
    say(f"{entry.task}, {entry.framework}{'' if entry.available else f'; not available: {entry.reason}'}")
    rows = [["HYPERPARAMETER", "DEFAULT", "ALLOWED", ""]]
    for field in entry.fields:
        allowed = " | ".join(field.choices) if field.choices else field.range_text()
        rows.append([field.flag, shown(field.default), f"{allowed} {field.unit or ''}".strip(), field.description])
    for line in numbers.table(rows):
        say(line)
