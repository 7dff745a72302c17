"""Decides the role of each column of a table: the target, a numeric or categorical feature, or left out and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dltui.core.data.findings.dropped import without_review
from dltui.core.errors import RunError
from dltui.core.inputs.numerals import as_number
from dltui.core.text import clean_line
from dltui.plugins.datasets.tables.class_names import class_name
from dltui.plugins.datasets.tables.header import TARGET_NAMES
from dltui.plugins.datasets.tables.labels import places_of
from dltui.plugins.datasets.tables.table import INDEX

if TYPE_CHECKING:
    from dltui.core.contract.types import Task
    from dltui.plugins.datasets.tables.numerals import Odd
    from dltui.plugins.datasets.tables.options import CsvOptions
    from dltui.plugins.datasets.tables.table import Column, Table

MANY_CLASSES = 100
"""More different numbers in a target are measurements rather than classes, unless each is whole and frequent."""
ROWS_A_CLASS = 5
MOST_CLASSES = 1_000
SORTED = 0.1
"""A target that changes in fewer than this part of the rows stands in the file in order."""
MOST_NAMED = 5
MOST_CELLS = 3
MOST_DESCRIBED = 200
READ = "the text that is read"
TOO_MANY = "is left out: too many different texts; tabular reads one with --data text=COLUMN"


@dataclass(frozen=True)
class Choice:
    """The roles of the columns, by index in the table."""

    table: Table
    target: int
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    notes: tuple[str, ...]
    labels: tuple[int, ...] = ()
    """The columns of labels, which there are instead of a target; `target` is then the first of them."""
    targets: tuple[int, ...] = ()
    """Likewise the columns of several targets."""
    text: int = -1
    """The column of texts that are read; -1: none."""

    @property
    def wanted(self) -> tuple[int, ...]:
        """The columns that are predicted."""
        return self.labels or self.targets or (self.target,)


def wanted(table: Table, options: CsvOptions) -> Choice:
    """Choose what is predicted. Raises RunError for unknown columns."""
    labels, targets = places_of(table, options.labels), places_of(table, options.targets)
    given = [name for name in ("target", "labels", "targets") if getattr(options, name)]
    if len(given) > 1:
        raise RunError(f"a table has {' or '.join(given)}, not both; leave out all but one")
    several = labels or targets
    target = several[0] if several else target_of(table, options.target)
    return Choice(table, target, (), (), (), labels, targets)


def with_text(choice: Choice, place: int, options: CsvOptions) -> Choice:
    """The choice with this column as the text. Raises RunError where it is the target or holds numbers."""
    table, column = choice.table, choice.table.columns[place]
    name, reading = repr(column.name), column.numerals.reading
    if place in choice.wanted:
        raise RunError(f"{name} is the text and cannot be the target; set --data target=COLUMN")
    # Only as bytes a number has parts of which something can be learned, like the digits of a code.
    if column.kind == "number" and (options.tokens != "byte" or reading.least < 0 or not reading.whole):
        told = f"holds numbers, {reading.least:.10g} to {reading.most:.10g}, and no texts"
        raise RunError(f"the column {name} of {clean_line(table.path)} {told}; leave out text=, tabular takes numbers")
    return replace(choice, text=place)


def choose(table: Table, options: CsvOptions) -> Choice:
    """Choose the roles. Raises RunError for unknown columns, and when no feature is left."""
    predicted = wanted(table, options)
    if options.text:
        predicted = with_text(predicted, table.column(options.text), options)
    target, several = predicted.target, predicted.labels or predicted.targets
    dropped = {table.column(name.strip()) for name in without_review(options.drop).split(",") if name.strip()}
    if dropped.intersection((target, *several)):
        raise RunError(f"{table.columns[target].name!r} is the target and cannot be left out; set --data target=COLUMN")
    taken = {target, *several, predicted.text, *dropped}
    rest = [place for place in table.places if place not in taken]
    kinds: dict[str, list[int]] = {kind: [] for kind in ("number", "category", "text", "empty")}
    for place in rest:
        kinds[table.columns[place].kind].append(place)
    notes = [*table.notes, *table.index_notes(taken)]
    numbers = _without_index(table, kinds["number"], len(kinds["category"]), table.columns[target], notes)
    notes += _written(table, numbers)
    notes += [note for place in rest for note in _odd(table.columns[place])]
    notes += [] if several else _odd_target(table.columns[target])
    notes += [f"column {table.columns[place].name!r} {TOO_MANY}" for place in kinds["text"]]
    notes += [f"column {table.columns[place].name!r} is left out: it is empty" for place in kinds["empty"]]
    if not numbers and not kinds["category"]:
        instead = "the text: train lstm or transformer" if predicted.text >= 0 else "the target"
        raise RunError(f"{clean_line(table.path)} has no column of numbers or categories beside {instead}")
    return replace(predicted, numbers=tuple(numbers), categories=tuple(kinds["category"]), notes=tuple(notes))


def _without_index(table: Table, numbers: list[int], others: int, target: Column, notes: list[str]) -> list[int]:
    """The numeric columns without those that only number the rows, as long as another feature is left."""
    found = [place for place in numbers if table.is_index(place)]
    left = [place for place in numbers if place not in found]
    if not left and not others:
        left, found = numbers, []
    notes += table.counting_notes(found)
    in_order = not target.counts_rows and target.changes < SORTED * target.rows
    for place in left if in_order else ():
        if table.columns[place].counts_rows and table.columns[place].numerals.reading.counting:
            name = table.columns[place].name
            notes.append(f"column {name!r} counts the rows, which are in order of the target; --data drop={name} ?")
    return left


def _written(table: Table, numbers: list[int]) -> list[str]:
    """Lines about numbers in an unusual style, with the columns that have them."""
    ways: dict[str, list[str]] = {}
    for place in numbers:
        for way in table.columns[place].numerals.told():
            ways.setdefault(way, []).append(table.columns[place].name)
    return [f"numbers with {way.removeprefix('in ')}: {named(names)}" for way, names in ways.items()]


def _odd(column: Column) -> list[str]:
    """Lines about odd cells in numeric columns, and about mostly numeric columns that are treated as categories."""
    found = column.numerals
    reading = found.reading
    if not reading.count:
        return []
    if column.numeric:
        odd = _cells(found.empty, reading.odd)
        return [f"column {column.name!r}: no number, and taken as missing: {odd}"] if odd else []
    if len(found.units) > 1:
        return [f"column {column.name!r} has several units ({named(list(found.units))}): taken as texts"]
    if reading.count > reading.odd.count + found.empty.count:
        return [f"column {column.name!r} is taken as texts; no number: {_cells(reading.odd)}"]
    return []


def _odd_target(column: Column) -> list[str]:
    """A line about cells in a numeric target that are not numbers: a class for classification, unusable for
    regression.
    """
    odd = _cells(column.numerals.empty, column.numerals.reading.odd) if column.numeric else ""
    return [f"the target {column.name!r}: no number, and for mlp and softmax a class: {odd}"] if odd else []


def _cells(*kinds: Odd) -> str:
    """The first odd cells with their lines, and the total."""
    count = sum(odd.count for odd in kinds)
    lines = [item for odd in kinds for item in odd.lines.items()][:MOST_CELLS]
    cells = [f"{clean_line(text, 30)!r} (line {line})" for text, line in lines]
    return ", ".join(cells) + (f", {count:,} in all" if count > len(cells) else "")


def target_of(table: Table, name: str) -> int:
    if name:
        return table.column(name)
    names = {table.columns[place].name.lower(): place for place in reversed(table.places)}
    return next((names[usual] for usual in TARGET_NAMES if usual in names), table.places[-1])


def may_be_classes(column: Column) -> bool:
    """True if the values of a target can be classes: texts, a few numbers, or whole numbers with several rows each."""
    different = len(column.values)
    if not column.numeric or different <= MANY_CLASSES:
        return True
    return different <= MOST_CLASSES and column.numerals.reading.whole and column.rows >= ROWS_A_CLASS * different


def check_target(column: Column, task: Task) -> None:
    """Raise RunError when the column cannot be the target."""
    name = repr(column.name)
    if column.kind == "empty":
        raise RunError(f"the target {name} is empty in every row")
    if task == "regression" and not column.numeric:
        some = f" ({_cells(column.numerals.reading.odd)})" if column.numerals.reading.count else ""
        raise RunError(
            f"the target {name} is text{some}, and regression needs numbers; for classes take mlp or softmax"
        )
    if task == "classification":
        if not may_be_classes(column):
            raise RunError(
                f"the target {name} has more than {MANY_CLASSES} different numbers, which are no classes; "
                "to predict numbers: --data targets=COLUMN"
            )
        if len(column.values) > MOST_CLASSES:
            raise RunError(f"the target {name} has more than {MOST_CLASSES:,} different texts, which are no classes")
        names = set(classes_of(column).values())
        if len(names) < 2:
            raise RunError(f"the target {name} has one class, {next(iter(names))!r}; two are needed")


def classes_of(column: Column) -> dict[str, str]:
    """The name of the class for each text: "1" and "1.0" are one class."""
    return {text: _class_name(text, column) for text in column.values}


def class_counts(column: Column) -> dict[str, int]:
    """The number of rows of each class."""
    counts: dict[str, int] = {}
    names = classes_of(column)
    for text, count in column.values.items():
        counts[names[text]] = counts.get(names[text], 0) + count
    return counts


def _class_name(text: str, column: Column) -> str:
    # A unit belongs to a name.
    return text if column.numerals.units else class_name(text, column.numerals.value(text))


def order(text: str) -> tuple[int, float, str]:
    """A sort key that puts numbers by value before texts."""
    number = as_number(text)
    return (0, number, text) if number is not None else (1, 0.0, text)


def role(choice: Choice, place: int) -> str:
    """The role of a column, in a few words."""
    column = choice.table.columns[place]
    if place == choice.text:
        return READ
    if place in choice.numbers or place in choice.categories:
        return about(column)
    if column.index:
        return f"left out: {INDEX}"
    if column.kind == "number" and choice.table.is_index(place):
        return "left out: it numbers the rows"
    return "left out" + ("" if column.kind in ("number", "category") else f": {about(column)}")


def about(column: Column) -> str:
    """The content of a column, in a few words."""
    gaps = f", {column.gaps:,} missing" if column.gaps else ""
    if column.kind == "empty":
        return "empty"
    if column.kind == "number":
        found = column.numerals
        return ", ".join([f"number, {found.reading.least:.10g} to {found.reading.most:.10g}", *found.told()]) + gaps
    if column.kind == "text":
        return f"text, too many different ones{gaps}"
    return f"category, {len(column.values)}: {named(list(column.values), '...')}{gaps}"


def described(choice: Choice) -> dict[str, object]:
    """The decisions about each column, to be stored with the data."""
    columns = choice.table.columns
    known = [place for place in range(len(columns)) if place not in choice.wanted]
    return {
        "target": ", ".join(columns[place].name for place in choice.wanted),
        "rows": choice.table.rows,
        "columns": {columns[place].name: clean_line(role(choice, place), 200) for place in known[:MOST_DESCRIBED]},
    }


def named(names: list[str], more: str = "…") -> str:
    return ", ".join([*names[:MOST_NAMED], *([more] if len(names) > MOST_NAMED else [])])
