"""The user's own table: a column is predicted from the others, as a number or as a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins.datasets.tables.options import CsvOptions


def prepare(options: CsvOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.tables import columns, roles, text
    from dltui.plugins.datasets.tables.table import look_through

    context.progress(f"reading {Path(options.path).name}")
    table, named = look_through(options.path, options.header), bool({"table", "named"}.intersection(context.takes))
    if "sequence" in context.takes:
        return text.prepare(table, options, context.task, context.dropped)
    chosen = roles.choose(table, options)
    _check(options, named)
    values = columns.read(chosen, context.task)
    return columns.encode(values, options, context.task, named, context.dropped)


def _check(options: CsvOptions, named: bool) -> None:
    """Raise RunError for options of texts where none is read."""
    if options.text and not named:
        told = f"text={clean_line(options.text, 60)} is for tabular, lstm and transformer"
        raise RunError(f"{told}, this model reads no texts; leave it out or train one of them")
    if options.tokens != "word" and not options.text:
        raise RunError(f"tokens={options.tokens} is for a column of texts; name it with --data text=COLUMN")


def sources(options: CsvOptions, folders: Sequence[Path]) -> list[Path]:
    path = Path(options.path)
    return [path] if options.path and path.is_file() else []


def preview(options: CsvOptions) -> Preview:
    from dltui.plugins.datasets.tables.preview import preview_of

    return preview_of(options)


DATASET = Dataset(
    name="csv",
    task="any",
    summary="your own table: csv:PATH, one column predicted from the others",
    options=CsvOptions,
    prepare=prepare,
    sources=sources,
    takes="file",
    preview=preview,
    task_options={"labels": "multilabel", "targets": "regression"},
    gives=("single", "table", "sequence"),
)
