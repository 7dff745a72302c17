"""A column of texts as the input: sequences of tokens, whose words come from the train split's rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Arrays
from dltui.core.data.findings import dropped
from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.plugins.datasets.tables import columns, roles
from dltui.plugins.datasets.tables.tokenized import NAME, tokenized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dltui.core.contract.types import Array, Task
    from dltui.plugins.datasets.tables.options import CsvOptions
    from dltui.plugins.datasets.tables.roles import Choice
    from dltui.plugins.datasets.tables.table import Table


def place_of(table: Table, options: CsvOptions) -> int:
    """The column of texts: the chosen one, or the only one. Raises RunError that lists them."""
    if options.text:
        return table.column(options.text)
    found = [place for place in table.places if table.columns[place].kind == "text"]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(table.columns[place].name) for place in found[:5])
    told = f"has the text columns {names}" if found else "has no column of texts that are all different"
    raise RunError(f"{clean_line(table.path)} {told}; set --data text=COLUMN to the one that is read")


def prepare(table: Table, options: CsvOptions, task: Task, left_out: Mapping[str, Any] | None = None) -> Arrays:
    """The texts of a table as tokens, with their targets; `left_out` as in `columns.encode`. Raises RunError."""
    place = place_of(table, options)
    choice = choose(table, options, place)
    texts, lines, target, classes = _read(choice, place, task)
    rows = columns.divided(target, options, TASKS[task])
    names = columns.named_by_line(lines, rows)
    train = columns.measured(rows[0], dropped.rows_of(left_out, "train", names))
    notes = list(choice.notes)
    one, found = tokenized(texts, train.tolist(), table.columns[place].name, options, notes)
    stored = columns.targets_of(target, TASKS[task])
    parts = [({NAME: [found[row] for row in some]}, stored[some]) for some in rows]
    return Arrays(
        parts[0],
        parts[1],
        classes,
        validation=parts[2],
        notes=tuple(notes),
        names=names,
        targets=columns.scaled_targets(columns.target_names(choice), stored[train]),
        inputs={"table": roles.described(choice)},
        named_inputs=(one,),
    )


def choose(table: Table, options: CsvOptions, place: int) -> Choice:
    """The target beside the text. Raises RunError where the text would be the target or has numbers."""
    wanted = roles.wanted(table, options)
    name = table.columns[place].name
    rest = [other for other in table.places if other != place]
    if place in wanted.wanted and not (options.target or options.labels or options.targets) and len(rest) == 1:
        wanted = replace(wanted, target=rest[0])
    wanted = roles.with_text(wanted, place, options)
    others = [column.name for at, column in enumerate(table.columns) if at not in (place, *wanted.wanted)]
    left = [f"only the column {name!r} is read; left out: {roles.named(others)}"] if others else []
    return replace(wanted, notes=(*table.notes, *left))


def _read(choice: Choice, place: int, task: Task) -> tuple[list[str], list[int], Array, tuple[str, ...]]:
    """The texts, lines and targets of all rows, and the classes."""
    table, target = choice.table, columns.target_of(choice, task)
    texts, lines, wanted = [], [], target.empty(table.rows)
    for row, (line, cells) in enumerate(table.cells()):
        wanted[row] = target.value(line, cells)
        texts.append(cells[place])
        lines.append(line)
    return texts, lines, wanted, target.classes
