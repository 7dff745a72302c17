"""Scans a table once, row by row, to find what its columns hold; the values are read in a second pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from dltui.core.errors import RunError
from dltui.core.inputs import headings, separated
from dltui.core.inputs.numerals import Style, as_number, is_missing
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.tables import files
from dltui.plugins.datasets.tables.files import CsvFile, Row, TableFile
from dltui.plugins.datasets.tables.header import is_header
from dltui.plugins.datasets.tables.numerals import Numerals

MOST_CATEGORIES = 100
"""A column with more different texts is names or prose, of which one-hot columns would learn nothing."""
MOST_VALUES = 1_000
"""So many different values of a column are remembered: classes of a target can be that many."""
SHOWN = 5
INDEX_NAMES = ("index", "idx", "id", "row", "rownum", "row_id", "rowid", "row_number", "rownames", "nr", "no", "#",
               "number", "sno", "s.no", "serial", "obs", "observation", "record", "sample")  # fmt: skip
"""Names in small letters of columns that count the rows, where they do."""

INDEX = "the index that pandas wrote"

Kind = Literal["number", "category", "text", "empty"]
Header = Literal["auto", "yes", "no"]
State = tuple[int, ...]


@dataclass
class Column:
    """The content of a column. `values` are its different texts in order of appearance, as far as they were counted."""

    name: str
    nameless: bool = False
    heading: str = ""
    """The name in full."""
    index: bool = False
    """True for the index of a data frame, which is only taken where it is named."""
    rows: int = 0
    missing: int = 0
    changes: int = 0
    """The number of cells that differ from the cell above."""
    values: dict[str, int] = field(default_factory=dict)
    numerals: Numerals = field(default_factory=Numerals)
    _last: str = ""

    def add(self, cell: str, line: int) -> None:
        self.rows += 1
        text = cell.strip()
        if is_missing(text):
            self.missing += 1
            return
        self.changes += text != self._last
        self._last = text
        if len(self.values) <= MOST_VALUES or text in self.values:
            self.values[text] = self.values.get(text, 0) + 1
        self.numerals.add(text, line)

    @property
    def numeric(self) -> bool:
        return self.numerals.is_number(len(self.values))

    @property
    def kind(self) -> Kind:
        if self.missing == self.rows:
            return "empty"
        if self.numeric:
            return "number"
        many = len(self.values) > MOST_CATEGORIES or (self.rows >= 20 and len(self.values) > self.rows / 2)
        return "text" if many else "category"

    @property
    def gaps(self) -> int:
        """The number of cells without a value, given the kind of the column."""
        found = self.numerals
        return self.missing + (found.empty.count + found.reading.odd.count if self.numeric else 0)

    @property
    def counts_rows(self) -> bool:
        """True if its numbers are consecutive, one per row, in any order."""
        found, rows = self.numerals.reading, self.rows
        if not self.numeric or not found.whole or found.count != rows or rows < 3:
            return False
        shuffled = found.most - found.least + 1 == rows and found.total == (found.least + found.most) * rows / 2
        return found.counting or (shuffled and self.distinct)

    @property
    def distinct(self) -> bool:
        """True if no value was seen twice."""
        return all(count == 1 for count in self.values.values())

    @property
    def tells_rows_apart(self) -> bool:
        """True if it has a different whole number in every row."""
        return self.numeric and self.numerals.reading.whole and not self.gaps and self.distinct and self.rows >= 3


@dataclass
class Table:
    """A scanned table: `columns` in its order, `first` its first rows unchanged."""

    file: TableFile
    has_header: bool
    columns: list[Column]
    first: list[list[str]]
    rows: int
    notes: list[str] = field(default_factory=list)
    state: State = ()
    """Of the file, before it was scanned."""

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def places(self) -> list[int]:
        """The columns without the index of a data frame."""
        return [place for place, column in enumerate(self.columns) if not column.index]

    def index_notes(self, taken: Container[int]) -> list[str]:
        """Lines about the columns of an index that are left out, as they are not `taken`."""
        left = [column.name for at, column in enumerate(self.columns) if column.index and at not in taken]
        return [f"column {name!r} is left out: {INDEX}" for name in left]

    def counting_notes(self, places: Iterable[int]) -> list[str]:
        """Lines about these columns, which are left out as they number the rows."""
        return [f"column {self.columns[place].name!r} is left out: it numbers the rows" for place in places]

    def cells(self) -> Iterator[Row]:
        """Yield every row again, with its line number. Raises RunError where the file is no longer as it was."""
        count = 0
        try:
            for count, row in enumerate(self.scan(), start=1):
                if count > self.rows:
                    break
                yield row
        except RunError:
            self._check_unchanged(self.rows)
            raise
        self._check_unchanged(count)

    def _check_unchanged(self, rows: int) -> None:
        if rows != self.rows or _state(self.path) != self.state:
            raise self.changed()

    def changed(self) -> RunError:
        """The error for a file that is no longer as it was scanned."""
        return RunError(f"{clean_line(self.path)} changed while it was read; try again when it is complete")

    def scan(self) -> Iterator[Row]:
        """Yield every row with its line number. Raises RunError for one with another number of columns."""
        rows = self.file.rows()
        if self.has_header:
            next(rows, None)
        for line, cells in rows:
            if len(cells) != len(self.columns):
                self._check_unchanged(self.rows)
                told = f"line {line} has {plural(len(cells), 'column')}, the first has {len(self.columns)}"
                raise RunError(f"{clean_line(self.path)} {told}; {self._remedy(len(cells))}")
            yield line, cells

    def _remedy(self, cells: int) -> str:
        """What to do with a line of so many cells."""
        if cells < len(self.columns) or not isinstance(self.file, CsvFile):
            return "complete it or remove it"
        return f'write a text with {clean_line(repr(self.file.separator))} in it as "...", or remove the line'

    def is_index(self, place: int) -> bool:
        """True if a column numbers the rows, by its name and its numbers."""
        column = self.columns[place]
        if column.index:
            return True
        name = column.name.strip().lower()
        if column.counts_rows and (column.nameless or name in INDEX_NAMES or (place == 0 and not self.has_header)):
            return True
        return column.tells_rows_apart and (column.nameless or name == "id")

    def column(self, name: str) -> int:
        """The index of a column. Raises RunError that lists the names."""
        from dltui.core.text import suggest

        names = [column.name for column in self.columns]
        if name in names:
            return names.index(name)
        in_full = [column.heading for column in self.columns]
        if (heading := clean_line(name)) in in_full:
            return in_full.index(heading)
        known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        hint = suggest(name, names) or f"there are {known}"
        raise RunError(f"{clean_line(self.path)} has no column {clean_line(repr(name), 60)}; {hint}")


def look_through(path: str, header: Header) -> Table:
    """Scan the file once. Raises RunError naming the invalid line."""
    if not path:
        raise RunError("which file? choose it as csv:PATH")
    place = Path(path)
    if not place.is_file():
        raise RunError(f"{clean_line(place)} is {'not a file' if place.exists() else 'not there'}")
    state = _state(place)
    table = _begun(files.examine(place), header)
    table.state = state
    for line, cells in table.scan():
        table.rows += 1
        if len(table.first) < SHOWN:
            table.first.append(cells)
        for column, cell in zip(table.columns, cells, strict=True):
            column.add(cell, line)
    if not table.rows:
        raise RunError(f"{clean_line(place)} has a header and no rows")
    for column in table.columns:
        column.numerals.close()
    order = _order(table)
    for column in table.columns:
        column.numerals.decide(order)
    if table.file.skipped:
        table.notes.append(f"comments between the rows are left out: {table.file.skipped:,}")
    return table


def _begun(file: TableFile, header: Header) -> Table:
    """A table with the names of its columns, before any row is scanned."""
    (first, *below) = [cells for _, cells in islice(file.rows(), separated.LOOKED_AT)] or [[]]
    if not first:
        raise RunError(f"{clean_line(file.path)} is empty")
    if len(first) - len(file.index) < 2:
        needed = "a target and a feature are needed, with , ; | or tabs between them"
        raise RunError(f"{clean_line(file.path)} has one column; {needed}")
    known = file.has_header if header == "auto" else header == "yes"
    has_header = is_header(first, below) if known is None else known
    if has_header and len(first) + 1 == file.columns:
        # R leaves out the name of the row names.
        first = ["", *first]
    return Table(file, has_header, _columns(file, first, has_header), [], 0, list(file.notes))


def _columns(file: TableFile, first: Sequence[str], has_header: bool) -> list[Column]:
    """The columns, named by the first row if that is the header. Raises RunError for a name that is there twice."""
    full = headings.headings(first if has_header else [""] * len(first))
    twice = next((name for name, count in Counter(full).items() if count > 1), None)
    if twice is not None:
        name = clean_line(twice, headings.LONGEST)
        raise RunError(f"{clean_line(file.path)} has two columns called {name!r}; give one another name")
    return [
        Column(name, has_header and _is_nameless(cell), heading, has_header and cell in file.index)
        for name, heading, cell in zip(headings.short_names(full), full, first, strict=True)
    ]


def _state(path: Path) -> State:
    """The size and the time of the last change of a file; () where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns


def _order(table: Table) -> tuple[Style, ...]:
    """The order of preference of the styles for ambiguous numbers like 1.234: as in other columns of the file, or as
    its separator suggests.
    """
    if any(column.numerals.needs_comma for column in table.columns):
        return ("comma", "point", "grouped")
    semicolon = isinstance(table.file, CsvFile) and table.file.separator == ";"
    return ("point", "comma", "grouped") if semicolon else ("point", "grouped", "comma")


def _is_nameless(cell: str) -> bool:
    """True if a column has no name, or a name that pandas gives to a nameless column."""
    text = cell.strip().lower()
    return not text or (text.startswith("unnamed: ") and as_number(text[9:]) is not None)
