"""Somebody's own table: one column is to be predicted from the others, as a number or as a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from dltui.core.config import unit
from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.dataset_options import DatasetOptions
from dltui.plugins.datasets.table import Header


class CsvOptions(DatasetOptions):
    """Which column is the target, and what becomes of the others."""

    path: str = Field("", description="the file, as in csv:PATH")
    target: str = Field("", description="column to predict; empty: one called target, label, class or y, else the last")
    drop: str = Field("", description="columns to leave out, with commas between them")
    missing: Literal["fill", "drop"] = Field(
        "fill", description="fill gaps with the training median or a class of their own, or drop those rows"
    )
    scale: bool = Field(True, description="numbers to mean 0 and deviation 1, measured on the training rows")
    header: Header = Field("auto", description="whether the first line has the names of the columns")
    test: float = Field(0.2, gt=0, le=0.9, description="part kept for testing", json_schema_extra=unit(""))


def prepare(options: CsvOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets import columns
    from dltui.plugins.datasets.table import look_through

    context.progress(f"reading {Path(options.path).name}")
    table = look_through(options.path, options.header)
    chosen = columns.choose(table, options)
    values = columns.read(chosen, context.task)
    return columns.encode(values, options, context.task)


def sources(options: CsvOptions, folders: Sequence[Path]) -> list[Path]:
    path = Path(options.path)
    return [path] if options.path and path.is_file() else []


def preview(options: CsvOptions) -> Preview:
    from dltui.plugins.datasets.csv_preview import preview_of

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
)
