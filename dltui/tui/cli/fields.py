"""The settings of a model or the options of a dataset as a table on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.numbers import exact
from dltui.core.text import width
from dltui.tui.cli.output import room, say_table

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec

LEAST = 30
"""Columns that an explanation needs beside the others; with fewer it takes what is allowed along."""


def say_fields(title: str, fields: Sequence[tuple[str, Any, FieldSpec]]) -> None:
    """Print a row for each: its name, its default, what is allowed and what it does. A path is the name of a dataset
    rather than an option."""
    rows = [[title, "DEFAULT", "ALLOWED", ""]]
    for name, value, field in fields:
        if name != "path":
            allowed = " | ".join(field.choices) if field.choices else field.range_text()
            rows.append([name, exact(value), f"{allowed} {field.unit or ''}".strip(), field.description])
    wide = sum(max(width(row[column]) for row in rows) + 2 for column in range(3))
    if room() and room() < wide + LEAST:
        rows = [[name, value, "; ".join(filter(None, (text, allowed)))] for name, value, allowed, text in rows]
        rows[0][2] = ""
    say_table(rows, prose=True, style=lambda column, text: "" if column else "bold")
