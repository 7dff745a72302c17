"""Reads a CSV file twice, row by row: once to see what its columns hold, once for the values."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural

SEPARATORS = (",", ";", "\t", "|")
MISSING = ("", "na", "n/a", "nan", "null", "?")
MOST_CATEGORIES = 100
"""A column with more different texts is names or prose, of which one-hot columns would learn nothing."""
MOST_VALUES = 1_000
"""So many different values of a column are remembered: classes of a target can be that many."""
LOOKED_AT = 5

Kind = Literal["number", "category", "text", "empty"]
Header = Literal["auto", "yes", "no"]


@dataclass
class Column:
    """What is in a column. `values` are its different texts in order of appearance, as far as they were counted."""

    name: str
    rows: int = 0
    missing: int = 0
    numeric: bool = True
    least: float = math.inf
    most: float = -math.inf
    values: dict[str, int] = field(default_factory=dict)

    def add(self, cell: str) -> None:
        self.rows += 1
        text = cell.strip()
        if text.lower() in MISSING:
            self.missing += 1
            return
        if len(self.values) <= MOST_VALUES or text in self.values:
            self.values[text] = self.values.get(text, 0) + 1
        if self.numeric:
            number = as_number(text)
            self.numeric = number is not None
            if number is not None:
                self.least, self.most = min(self.least, number), max(self.most, number)

    @property
    def kind(self) -> Kind:
        if self.missing == self.rows:
            return "empty"
        if self.numeric:
            return "number"
        many = len(self.values) > MOST_CATEGORIES or (self.rows >= 20 and len(self.values) > self.rows / 2)
        return "text" if many else "category"


@dataclass
class Table:
    """A file that has been looked through: `columns` in its order, `first` its first rows as they stand there."""

    path: Path
    separator: str
    has_header: bool
    columns: list[Column]
    first: list[list[str]]
    rows: int

    def cells(self) -> Iterator[tuple[int, list[str]]]:
        """Every row again, with the number of its line."""
        rows = _rows(self.path, self.separator, len(self.columns))
        if self.has_header:
            next(rows, None)
        yield from rows

    def column(self, name: str) -> int:
        """The place of a column. Raises RunError with the names that there are."""
        from dltui.core.text import suggest

        names = [column.name for column in self.columns]
        if name in names:
            return names.index(name)
        known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        hint = suggest(name, names) or f"there are {known}"
        raise RunError(f"{clean_line(self.path)} has no column {clean_line(repr(name), 60)}; {hint}")


def look_through(path: str, header: Header) -> Table:
    """Raises RunError naming the line that is wrong."""
    if not path:
        raise RunError("which file? choose it as csv:PATH")
    file = Path(path)
    if not file.is_file():
        raise RunError(f"{clean_line(file)} is {'not a file' if file.exists() else 'not there'}")
    separator, first = _first_line(file)
    if len(first) < 2:
        raise RunError(
            f"{clean_line(file)} has one column; a target and a feature are needed, with , ; | or tabs between them"
        )
    has_header = header == "yes" or (header == "auto" and not _is_data(first))
    names = _names(file, first) if has_header else [f"column {number}" for number in range(1, len(first) + 1)]
    table = Table(file, separator, has_header, [Column(name) for name in names], [], 0)
    for _, cells in table.cells():
        table.rows += 1
        if len(table.first) < LOOKED_AT:
            table.first.append(cells)
        for column, cell in zip(table.columns, cells, strict=True):
            column.add(cell)
    if not table.rows:
        raise RunError(f"{clean_line(file)} has a header and no rows")
    return table


def as_number(text: str) -> float | None:
    """None for what is no finite number; underscores, which Python would allow, are none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _first_line(file: Path) -> tuple[str, list[str]]:
    """The separator, by which there are most columns, and the cells of the first line that has any."""
    found = {}
    for separator in SEPARATORS:
        found[separator] = next(_rows(file, separator, None), (0, []))[1]
    best = max(SEPARATORS, key=lambda separator: len(found[separator]))
    if not found[best]:
        raise RunError(f"{clean_line(file)} is empty")
    return best, found[best]


def _rows(file: Path, separator: str, columns: int | None) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; empty lines left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
            for cells in reader:
                if not any(cells):
                    continue
                if columns is not None and len(cells) != columns:
                    raise RunError(
                        f"{clean_line(file)} line {reader.line_num} has {plural(len(cells), 'column')}, "
                        f"the first has {columns}"
                    )
                yield reader.line_num, cells
    except csv.Error as error:
        raise RunError(f"{clean_line(file)} line {reader.line_num} cannot be read: {clean_line(error, 100)}") from None
    except UnicodeDecodeError:
        raise RunError(f"{clean_line(file)} is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise RunError(f"cannot read {clean_line(file)}: {(error.strerror or str(error)).lower()}") from None


def _is_data(cells: Sequence[str]) -> bool:
    """Whether a first line is no header: half of it or more is numbers."""
    return 2 * sum(as_number(cell.strip()) is not None for cell in cells) >= len(cells)


def _names(file: Path, cells: Sequence[str]) -> list[str]:
    names = [clean_line(cell, 100) or f"column {number}" for number, cell in enumerate(cells, start=1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RunError(f"{clean_line(file)} has two columns called {twice!r}; give one another name")
    return names
