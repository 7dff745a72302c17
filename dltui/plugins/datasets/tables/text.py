"""A column of texts as the input: sequences of tokens, whose words come from the train split's rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dltui.core.contract import Arrays, Input
from dltui.core.errors import RunError
from dltui.core.inputs import tokens
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.plugins.datasets.tables import columns, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract.types import Array, Task
    from dltui.plugins.datasets.tables.options import CsvOptions
    from dltui.plugins.datasets.tables.roles import Choice
    from dltui.plugins.datasets.tables.table import Table

NAME = "text"


def place_of(table: Table, options: CsvOptions) -> int:
    """The column of texts: the chosen one, or the only one. Raises RunError that lists them."""
    if options.text:
        return table.column(options.text)
    found = [place for place, column in enumerate(table.columns) if column.kind == "text"]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(table.columns[place].name) for place in found[:5])
    told = f"has the text columns {names}" if found else "has no column of texts that are all different"
    raise RunError(f"{clean_line(table.path)} {told}; set --data text=COLUMN to the one that is read")


def prepare(table: Table, options: CsvOptions, task: Task) -> Arrays:
    """The texts of a table as tokens, with their targets. Raises RunError."""
    place = place_of(table, options)
    choice = choose(table, options, place)
    texts, target, classes = _read(choice, place, task)
    rows = columns.divided(target, options, TASKS[task])
    notes = list(choice.notes)
    one = _input([texts[row] for row in rows[0]], options, notes)
    one = replace(one, places=(clean_line(table.columns[place].name, 100),))
    found = [tokens.encode(text, one) for text in texts]
    longest = min(max(len(found[row]) for row in rows[0]), options.length)
    one = replace(one, shape=(longest,))
    _tell(texts, found, longest, one, notes)
    stored = columns.targets_of(target, TASKS[task])
    parts = [({NAME: [found[row][:longest] for row in some]}, stored[some]) for some in rows]
    return Arrays(
        parts[0],
        parts[1],
        classes,
        validation=parts[2],
        notes=tuple(notes),
        targets=columns.scaled_targets(columns.target_names(choice), stored[rows[0]]),
        inputs={"table": roles.described(choice)},
        named_inputs=(one,),
    )


def choose(table: Table, options: CsvOptions, place: int) -> Choice:
    """The target beside the text. Raises RunError where the text would be the target."""
    wanted = roles.wanted(table, options)
    name = table.columns[place].name
    if place in wanted.wanted and not (options.target or options.labels or options.targets) and len(table.columns) == 2:
        wanted = replace(wanted, target=1 - place)
    if place in wanted.wanted:
        raise RunError(f"{name!r} is the text and cannot be the target; set --data target=COLUMN")
    others = [column.name for at, column in enumerate(table.columns) if at not in (place, *wanted.wanted)]
    left = [f"only the column {name!r} is read; left out: {roles.named(others)}"] if others else []
    return replace(wanted, notes=(*table.notes, *left))


def _read(choice: Choice, place: int, task: Task) -> tuple[list[str], Array, tuple[str, ...]]:
    """The texts and targets of all rows, and the classes."""
    table, target = choice.table, columns.target_of(choice, task)
    texts, wanted = [], target.empty(table.rows)
    for row, (line, cells) in enumerate(table.cells()):
        wanted[row] = target.value(line, cells)
        texts.append(cells[place])
    return texts, wanted, target.classes


def _input(texts: Sequence[str], options: CsvOptions, notes: list[str]) -> Input:
    """The input for these texts of the train split. Raises RunError where they have no words."""
    words = tokens.vocabulary(texts, options.words) if options.tokens == "word" else ()
    if options.tokens == "word" and not words:
        raise RunError("the texts of the train split have no words; set --data text=COLUMN to another column")
    if options.tokens == "word":
        notes.append(f"the texts are cut into words, of which {len(words):,} are known; --data tokens=byte takes bytes")
    count = tokens.size(options.tokens, words)
    return Input(
        NAME, (options.length,), "int32", (count,), padded=True, tokens=options.tokens, texts=(words,) if words else ()
    )


def _tell(texts: Sequence[str], found: Sequence[Sequence[int]], longest: int, one: Input, notes: list[str]) -> None:
    """Add lines about texts that are cut, and about empty ones."""
    cut = sum(len(text) > longest for text in found)
    if cut:
        what = "words" if one.tokens == "word" else "bytes"
        notes.append(f"texts are cut after {longest:,} {what}: {cut:,} of {len(found):,}; --data length=N keeps more")
    empty = sum(not text.strip() for text in texts)
    if empty:
        notes.append(f"empty texts, each taken as one unknown token: {empty:,}")
