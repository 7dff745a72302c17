"""The user's own table: a column is predicted from the others, as a number or as a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.plugins.datasets.tables.options import CsvOptions


def prepare(options: CsvOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.tables import columns, roles, text
    from dltui.plugins.datasets.tables.table import look_through

    context.progress(f"reading {Path(options.path).name}")
    table = look_through(options.path, options.header)
    if options.text or "sequence" in context.takes:
        return text.prepare(table, options, context.task)
    chosen = roles.choose(table, options)
    values = columns.read(chosen, context.task)
    return columns.encode(values, options, context.task, named="table" in context.takes)


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
