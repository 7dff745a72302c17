"""Recognizes and reads text files with separators, in training and in `dltui predict` alike; names other kinds."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from dltui.core.inputs import headings
from dltui.core.inputs.numerals import LONGEST_CELL, looks_like_number
from dltui.core.text import clean_line

SEPARATORS = (";", "\t", "|", ",")
NONE = "\x1f"
"""Stands for the separator of a table of one column."""
COMMENTS = ("#", "%", "//")
LOOKED_AT = 100
"""So many lines tell the separator and the header."""
END = "end"
"""A line that is put behind the last one: it becomes a row of its own unless it stands between quotation marks."""
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "lzma"}
"""The modules that unpack files with these first bytes."""
SHEET = "save its sheet as CSV (UTF-8)"
OTHERS = {
    b"PK\x03\x04": "a zip archive: unpack it",
    b"\xd0\xcf\x11\xe0": f"an old Excel workbook: {SHEET}",
    b"PAR1": "a parquet file: save it as CSV (UTF-8)",
    b"ARROW1": "an Arrow file: save it as CSV or parquet",
    b"\x89HDF": "an HDF5 file: save the table as CSV or parquet",
    b"\x93NUMPY": "a NumPy array: save it with numpy.savetxt as CSV",
    b"SQLite format 3": "a database: save its table as CSV",
    b"%PDF": "a PDF: save its table as CSV",
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
}
SHEETS = {b"xl/": f"an Excel workbook: {SHEET}", b"opendocument": f"a spreadsheet: {SHEET}"}
JSON = re.compile(r"\{\s*[\"}]|\[\s*[\[{]")
PAGE = re.compile(r"<(?:!doctype|html|\?xml)\b", re.IGNORECASE)


class BadLine(Exception):
    """What is wrong with a line of a file, in one line that begins with its number."""


class Form(NamedTuple):
    """The form of a text file with a separator: `skip` lines, of which `comments` are comments, stand before the
    first row, `columns` is the usual number of cells. The first row of a `marked` one begins with a comment's mark,
    which does not belong to its name.
    """

    separator: str
    skip: int
    columns: int
    marked: bool
    comments: int


def unpacking(head: bytes) -> Any:
    """The module that unpacks a file with these first bytes; None for one that is not packed."""
    name = next((name for start, name in PACKED.items() if head.startswith(start)), "")
    return import_module(name) if name else None


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked where it is packed. Raises OSError."""
    with path.open("rb") as file:
        module = unpacking(file.read(6))
    stream: IO[bytes] = module.open(path) if module else path.open("rb")
    return stream


def other_format(head: bytes, suffix: str) -> str:
    """What a file with these first bytes is that is no text in UTF-8, and what to do with it; "" for none of these."""
    kind = next((name for magic, name in OTHERS.items() if head.startswith(magic)), "")
    if not kind or not head.startswith(b"PK"):
        return kind
    inside = next((name for mark, name in SHEETS.items() if mark in head), "")
    by_name = SHEETS[b"xl/"] if suffix.lower() in (".xlsx", ".xlsm") else ""
    return inside or by_name or kind


def no_table(text: str) -> str:
    """What a text that begins like this is instead of a table, and what to do with it; "" where it may be one."""
    begin = text[:1000].lstrip("\ufeff \t\r\n")
    if JSON.match(begin):
        return "JSON: save it as CSV, such as by pandas.read_json(FILE).to_csv"
    return "a web page or XML: save its table as CSV" if PAGE.match(begin) else ""


def beginning(stream: Any) -> list[str]:
    """The first lines of a text; fewer than LOOKED_AT where they are long."""
    lines: list[str] = []
    length = 0
    while len(lines) < LOOKED_AT and length < LONGEST_CELL and (line := stream.readline(LONGEST_CELL)):
        lines.append(line)
        length += len(line)
    return lines


def form_of(lines: Sequence[str], wanted: Collection[str] = (), of_texts: bool = False) -> Form | None:
    """The form of a file with these first lines, whose line of names has the `wanted` ones where some are known; None
    where there is nothing in them. Only a table `of_texts` may have a single column, with any separator in its cells.
    """
    said = _said_separator(lines[0]) if lines else ""
    skip = 1 if said else 0
    comments = 0
    while skip + comments < len(lines) and _is_comment_or_empty(lines[skip + comments], comments):
        comments += 1
    if skip + comments == len(lines):
        # Nothing but comments: then they are data.
        comments = 0
    rest = lines[skip + comments :]
    if not any(line.strip() for line in rest):
        return None
    above = lines[skip + comments - 1] if comments else ""
    separator = said or _separator(above, rest, wanted, (*SEPARATORS, NONE) if of_texts else SEPARATORS)
    rows = _cut(rest, separator)
    columns = _usual_length(rows)
    names = columns > 1 and _has_names(above, rows, separator, wanted)
    comments -= names
    return Form(separator, skip + comments, columns, names and above.startswith("#"), comments)


def rows_of(stream: Iterable[str], form: Form, comments: list[int] | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of its last line and the cells of every row of a text. Empty lines are left out, and so are
    comments between rows, of another number of cells, whose lines are added to `comments`. Raises BadLine.
    """
    lines = _Lines(islice(stream, form.skip, None))
    reader = _reader(lines, form.separator)
    line, is_first = form.skip, True
    try:
        for cells in reader:
            begins, lines.row = lines.row, ""
            if lines.ended and cells != [END]:
                raise BadLine(f"line {line + 1} opens a quotation mark that is never closed; close or remove it")
            line = form.skip + reader.line_num
            if lines.ended or not any(cells):
                continue
            if not is_first and len(cells) != form.columns and begins.lstrip(" ").startswith(COMMENTS[0]):
                if comments is not None:
                    comments.append(line)
                continue
            if is_first and form.marked:
                cells[0] = cells[0].lstrip("#%/ ")
            is_first = False
            yield line, cells
    except csv.Error as error:
        told = f"cannot be read: {clean_line(error, 100)}"
        if "field limit" in str(error):
            told = f"has a cell of more than {LONGEST_CELL:,} characters; close its quotation mark or shorten it"
        raise BadLine(f"line {form.skip + reader.line_num} {told}") from None


class _Lines:
    """The lines of a text and then END; `ended` once that was taken. `row` is the first line that was taken since it
    was made "".
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.ended = False
        self.row = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.row = self.row or line
            yield line
        self.ended = True
        yield END


def _reader(lines: Iterable[str], separator: str) -> Any:
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(lines, delimiter=separator, skipinitialspace=True)


def _said_separator(line: str) -> str:
    """The separator that Excel's own first line declares, `sep=;`; "" without it."""
    text = line.strip("\r\n").strip('"')
    return text[4] if len(text) == 5 and text[:4].lower() == "sep=" else ""


def _is_comment_or_empty(line: str, comments: int) -> bool:
    return line.startswith(COMMENTS) or (comments > 0 and not line.strip())


def _separator(above: str, rest: Sequence[str], wanted: Collection[str], separators: Sequence[str]) -> str:
    """The separator that gives the most of the wanted names, else the fittest for the rows."""

    def suits(separator: str) -> tuple[int, bool, tuple[float, int]]:
        rows = _cut(rest, separator)
        heads = [*_cut([above], separator), *rows[:1]] if wanted else []
        # A line of names without any separator is that of one column.
        found = [(_named(cells, wanted), len(cells) > 1 or separator == NONE) for cells in heads]
        return (*max(found, default=(0, False)), _fitness(rows, separator))

    return max(separators, key=suits)


def _has_names(above: str, rows: Sequence[Sequence[str]], separator: str, wanted: Collection[str]) -> bool:
    """True if the comment above these rows has the names of their columns, of which the first may begin like a comment:
    `% fat`.
    """
    cells = [cell for row in _cut([above], separator) for cell in row]
    if not above.startswith(COMMENTS) or len(cells) != _usual_length(rows):
        return False
    if wanted:
        return _named(cells, wanted) > _named(rows[0], wanted)
    # Prose may have as many cells as the names below it.
    return above.startswith("#") or any(looks_like_number(cell.strip()) for cell in rows[0])


def _named(cells: Sequence[str], wanted: Collection[str]) -> int:
    """How many of the wanted names there are in a line, which may begin with the mark of a comment."""
    unmarked = [cells[0].lstrip("# "), *cells[1:]]
    return max(sum(name in wanted for name in headings.names_of(some, wanted)) for some in (cells, unmarked))


def _cut(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The rows in some lines, as far as they can be read; the last may be truncated."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows = [row for row in _reader(lines, separator) if any(row)]
    return rows[:-1] if len(rows) > 1 and len(lines) == LOOKED_AT else rows


def _usual_length(rows: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def _fitness(rows: Sequence[Sequence[str]], separator: str) -> tuple[float, int]:
    """The fitness of a separator: as many rows as possible of the same length, with cells that need no
    further split.
    """
    length = _usual_length(rows)
    if length < 2:
        return (0, max(map(len, rows), default=0))
    alike = sum(len(row) == length for row in rows) / len(rows)
    cells = [cell for row in rows for cell in row]
    rest = [other for other in SEPARATORS if other != separator]
    whole = sum(looks_like_number(cell.strip()) or not any(other in cell for other in rest) for cell in cells)
    return (alike * whole / len(cells), length)
