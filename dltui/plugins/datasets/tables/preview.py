"""A look at a table before training: what each column holds, what is made of it, and the first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Preview
from dltui.core.text import plural
from dltui.plugins.datasets.tables import columns
from dltui.plugins.datasets.tables.table import Column, Table, look_through

if TYPE_CHECKING:
    from dltui.plugins.datasets.tables.columns import Choice
    from dltui.plugins.datasets.tables.options import CsvOptions

MOST_NAMED = 5


def preview_of(options: CsvOptions) -> Preview:
    """Raises RunError for a file that cannot be read, and for columns that are not there."""
    table = look_through(options.path, options.header)
    choice = columns.choose(table, options)
    target = table.columns[choice.target]
    facts = [
        (
            "rows",
            f"{table.rows:,} of {plural(len(table.columns), 'column')}"
            + ("" if table.has_header else ", without a header"),
        ),
        ("target", f"{target.name}: {_about(target)}"),
        ("train", _advice(target)),
    ]
    facts += [(column.name, _role(table, choice, place)) for place, column in enumerate(table.columns)
              if place != choice.target]  # fmt: skip
    few = target.kind != "empty" and len(target.values) <= columns.MANY_CLASSES
    classes = tuple(target.values.items()) if few and (not target.numeric or len(target.values) <= 20) else ()
    notes = (f"{plural(target.missing, 'row')} without a target: fill it in or remove them",) if target.missing else ()
    return Preview(
        facts=tuple(facts),
        classes=classes,
        columns=tuple(column.name for column in table.columns),
        rows=tuple(tuple(row) for row in table.first),
        notes=(*choice.notes, *notes),
    )


def _advice(target: Column) -> str:
    """What can be trained, by what the target holds."""
    regression, classes = "linear-regression (numbers)", "mlp or softmax (classes)"
    if not target.numeric:
        return classes
    return f"{regression}, or {classes}" if len(target.values) <= columns.MANY_CLASSES else regression


def _role(table: Table, choice: Choice, place: int) -> str:
    column = table.columns[place]
    if place in choice.numbers or place in choice.categories:
        return _about(column)
    return "left out" + ("" if column.kind in ("number", "category") else f": {_about(column)}")


def _about(column: Column) -> str:
    gaps = f", {column.missing:,} missing" if column.missing else ""
    if column.kind == "empty":
        return "empty"
    if column.kind == "number":
        return f"number, {column.least:g} to {column.most:g}{gaps}"
    if column.kind == "text":
        return f"text, too many different ones{gaps}"
    named = ", ".join(list(column.values)[:MOST_NAMED]) + (", ..." if len(column.values) > MOST_NAMED else "")
    return f"category, {len(column.values)}: {named}{gaps}"
