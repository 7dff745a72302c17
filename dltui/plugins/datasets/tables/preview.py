"""Previews a table before training: the content and role of each column, and the first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Preview
from dltui.core.data.findings import dropped
from dltui.core.text import plural
from dltui.plugins.datasets.tables import roles, text
from dltui.plugins.datasets.tables.table import Column, Table, look_through

if TYPE_CHECKING:
    from dltui.plugins.datasets.tables.options import CsvOptions

MOST_BARS = 20


def preview_of(options: CsvOptions) -> Preview:
    """The preview of a table. Raises RunError for a file that cannot be read, and for unknown columns."""
    table = look_through(options.path, options.header)
    place = _alone(table, options)
    choice = roles.choose(table, options) if place is None else text.choose(table, options, place)
    target = table.columns[choice.target]
    without = "" if table.has_header else ", without a header"
    facts = [
        ("rows", f"{table.rows:,} of {plural(len(table.columns), 'column')}{without}"),
        *_wanted(choice, place is not None),
    ]
    facts += [(column.name, roles.role(choice, at)) for at, column in enumerate(table.columns)
              if at not in choice.wanted]  # fmt: skip
    counts = roles.class_counts(target) if target.kind != "empty" and choice.wanted == (choice.target,) else {}
    few = len(counts) <= (MOST_BARS if target.numeric else roles.MANY_CLASSES)
    notes = (f"{plural(target.missing, 'row')} without a target: fill it in or remove them",) if target.missing else ()
    return Preview(
        facts=tuple(facts),
        classes=tuple(counts.items()) if few else (),
        columns=tuple(column.name for column in table.columns),
        rows=tuple(tuple(row) for row in table.first),
        notes=(*choice.notes, *notes),
        train=_train(table.rows, options),
    )


def _train(rows: int, options: CsvOptions) -> int:
    """About the number of training rows, as each class is divided for itself; 0 where rows are left out."""
    if options.missing == "drop" or dropped.review_of(options.drop):
        return 0
    test = round(rows * options.test)
    return rows - test - round((rows - test) * options.validation)


def _alone(table: Table, options: CsvOptions) -> int | None:
    """The column of texts that is the only input there is, or the chosen one with nothing but texts beside it."""
    target = roles.wanted(table, options)
    rest = {at: table.columns[at].kind for at in table.places if at not in target.wanted}
    chosen = table.column(options.text) if options.text else None
    if chosen is not None:
        others = [kind for at, kind in rest.items() if at != chosen and kind in ("number", "category")]
        return None if others and len(table.places) > 2 else chosen
    filled = [at for at, kind in rest.items() if kind != "empty"]
    return filled[0] if len(filled) == 1 and rest[filled[0]] == "text" else None


def _wanted(choice: roles.Choice, is_text: bool = False) -> list[tuple[str, str]]:
    """What is predicted, and the models that can be trained on it."""
    if is_text:
        names = roles.named([choice.table.columns[place].name for place in choice.wanted])
        return [("target", names), ("train", "lstm or transformer (texts)")]
    names = roles.named([choice.table.columns[place].name for place in choice.wanted])
    if choice.text >= 0:
        return [("target", names), ("train", "tabular, or lstm or transformer (the text alone)")]
    if choice.labels:
        return [("labels", names), ("train", "mlp or softmax (labels)")]
    if choice.targets:
        return [("targets", names), ("train", "mlp or linear-regression (numbers)")]
    target = choice.table.columns[choice.target]
    return [("target", f"{target.name}: {roles.about(target)}"), ("train", _advice(target))]


def _advice(target: Column) -> str:
    """The models that can be trained on this target."""
    regression, classes = "linear-regression (numbers)", "mlp or softmax (classes)"
    if not target.numeric:
        return classes
    return f"{regression}, or {classes}" if roles.may_be_classes(target) else regression
