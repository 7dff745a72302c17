"""`dltui datasets`: the datasets, a preview of the user's own data, and names for it."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dltui.core.catalog.fields import key_values
from dltui.core.errors import UsageError
from dltui.core.text import clean_line, plural, suggest
from dltui.tui.cli import completion
from dltui.tui.cli.commands.datasets_check import check
from dltui.tui.cli.fields import say_fields
from dltui.tui.cli.group import check_early
from dltui.tui.cli.output import can_show, say, say_json, say_table, terminal_output, warn

if TYPE_CHECKING:
    from dltui.core.catalog.entries import DatasetEntry
    from dltui.core.contract import Preview


TASKS = {"any": "as the model"}


plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    shell_complete=completion.files,
    help="a .py file with a dataset; repeatable",
)


class DatasetsGroup(click.Group):
    """A group that answers a misspelled subcommand with a suggestion, and the name of a dataset with `show`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0] if args else ""
        if word and not word.startswith("-") and word not in self.commands:
            told = clean_line(word, 60)
            hint = suggest(word, list(self.commands)) or f"to look at a dataset: dltui datasets show {told}"
            raise click.UsageError(f'no datasets command "{told}"; {hint}')
        return super().resolve_command(ctx, args)


@click.group(cls=DatasetsGroup, invoke_without_command=True)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
@click.pass_context
def datasets(context: click.Context, plugins: tuple[str, ...], as_json: bool) -> int | None:
    """List the datasets with their sizes and options; look at your own, and give it a name.

    Your own data is folder:PATH (images, one folder a class) or csv:PATH (a table).
    """
    check_early(context)
    return _list(plugins, as_json) if context.invoked_subcommand is None else None


def _list(plugins: tuple[str, ...], as_json: bool) -> int:
    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog(plugins)
    entries = list(catalog.datasets.values())
    if as_json:
        say_json([as_object(entry) for entry in entries])
    else:
        rows = [["DATASET", "TASK", "SHAPE", "SAMPLES", "WHERE", ""]]
        rows += [_row(entry) for entry in entries]
        say_table(rows, prose=True, style=_style)
    for name, reason in catalog.problems:
        warn(f"plugin {name}: {reason}")
    return 0


@datasets.command()
@click.argument("dataset", shell_complete=completion.datasets)
@click.option("--data", multiple=True, metavar="KEY=VALUE", help="an option of the dataset, e.g. target=price")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def show(dataset: str, data: tuple[str, ...], plugins: tuple[str, ...], as_json: bool) -> int:
    """Look at a dataset before training: folder:PATH, csv:PATH or a name."""
    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog(plugins)
    entry = catalog.dataset(dataset)
    for name, reason in catalog.problems_of(plugins):
        warn(f"plugin {name}: {reason}")
    options = key_values(data, entry.fields, f"dataset {entry.name}")
    if entry.needs_path and not options.get("path"):
        raise UsageError(f"which {entry.takes}? use {entry.name}:PATH")
    found = None
    if entry.previews:
        from dltui.core.catalog import questions

        found = questions.dataset_preview(entry, options)
    if as_json:
        say_json(as_object(entry) | ({"preview": asdict(found)} if found else {}))
    else:
        _show(entry, found)
    return 0


@datasets.command()
@click.argument("name")
@click.argument("dataset", shell_complete=completion.datasets)
@click.option("--data", multiple=True, metavar="KEY=VALUE", help="an option stored with the name; repeatable")
def add(name: str, dataset: str, data: tuple[str, ...]) -> int:
    """Give data of your own a name: dltui datasets add pets folder:PATH. A bare PATH will do."""
    from dltui.core.catalog import entries as catalog_entries
    from dltui.core.catalog import named_data, questions
    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog()
    entry = catalog_entries.entry_of(dataset, catalog)
    options = key_values(data, entry.fields, f"dataset {entry.name}")
    if entry.previews:
        # What is wrong with it is said while its path is still at hand.
        questions.dataset_preview(entry, options)
    named_data.add(name, entry, options, catalog)
    say(f"{name} is {entry.reference}; train it: dltui train MODEL --dataset {name}")
    return 0


datasets.add_command(check)


@datasets.command()
@click.argument("name")
def remove(name: str) -> int:
    """Forget the name of data of your own; the data stays where it is."""
    from dltui.core.catalog import named_data

    say(f"forgot {name}; {named_data.remove(name)} is untouched")
    return 0


def _show(entry: DatasetEntry, found: Preview | None) -> None:
    from dltui.core.data.search import presence

    say(f"{entry.reference}: {entry.summary}" if not entry.given else entry.reference)
    if found is not None:
        from dltui.tui.cli.output import show_on_terminal
        from dltui.tui.draw.data_preview import preview
        from dltui.tui.draw.styled_text import Look

        columns = min(shutil.get_terminal_size().columns, 120)
        show_on_terminal([[], *preview(found, columns, Look(ascii=not can_show("▀"), mono=_few_colors(), few=False))])
    else:
        shape = "x".join(str(length) for length in entry.input_shape)
        classes = plural(entry.classes, "class", "classes") if entry.classes else ""
        samples = f"{entry.train_size:,} + {entry.test_size:,} samples" if entry.train_size else ""
        what = [entry.task, shape, classes, samples or "its size is known once it is prepared", presence(entry).text]
        say(", ".join(filter(None, what)))
    say()
    say_fields("OPTION", [(each.name, entry.given.get(each.name, each.default), each) for each in entry.fields])


def _few_colors() -> bool:
    """True if images must do without colors; a pipe gets the letters alone."""
    from dltui.tui.terminal.capabilities import examine

    return not terminal_output() or not examine(os.environ).color


def as_object(entry: DatasetEntry) -> dict[str, Any]:
    """The object of `--json` for a dataset."""
    from dltui.core.data.search import presence

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
        "takes": entry.takes,
        "path": entry.given.get("path"),
        "options": [field.to_json() for field in entry.fields],
    }


def _row(entry: DatasetEntry) -> list[str]:
    from dltui.core.data.search import presence

    options = " ".join(field.name for field in entry.fields if field.name != "path")
    return [
        f"{entry.name}:PATH" if entry.needs_path else entry.name,
        TASKS.get(entry.task, entry.task),
        "x".join(str(length) for length in entry.input_shape),
        f"{entry.train_size:,} + {entry.test_size:,}" if entry.train_size else "",
        presence(entry).text,
        f"{entry.summary}{f'; options {options}' if options else ''}",
    ]


def _style(column: int, text: str) -> str:
    """The style of a cell: names and present datasets stand out."""
    return "bold" if column == 0 else "good" if column == 4 and text in ("here", "embedded") else ""
