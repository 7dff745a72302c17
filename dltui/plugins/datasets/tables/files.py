"""Reads the rows of a table as texts: CSV, plain or compressed, and parquet; other formats are named."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dltui.core.errors import RunError
from dltui.core.inputs.numerals import LONGEST_CELL
from dltui.core.text import clean_line
from dltui.plugins.datasets.tables.numerals import looks_like_number

SEPARATORS = (";", "\t", "|", ",")
COMMENTS = ("#", "%", "//")
LOOKED_AT = 100
"""So many lines tell the separator and the header."""
END = "end"
"""A line that is put behind the last one: it becomes a row of its own unless it stands between quotation marks."""
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
SHEET = "save its sheet as CSV (UTF-8)"
OTHERS = {
    b"PK\x03\x04": "a zip archive: unpack it",
    b"\xd0\xcf\x11\xe0": f"an old Excel workbook: {SHEET}",
    b"ARROW1": "an Arrow file: save it as CSV or parquet",
    b"\x89HDF": "an HDF5 file: save the table as CSV or parquet",
    b"\x93NUMPY": "a NumPy array: save it with numpy.savetxt as CSV",
    b"SQLite format 3": "a database: save its table as CSV",
    b"%PDF": "a PDF: save its table as CSV",
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
}
SHEETS = {b"xl/": f"an Excel workbook: {SHEET}", b"opendocument": f"a spreadsheet: {SHEET}"}
PARQUET = b"PAR1"
PANDAS_INDEX = "__index_level_"
"""What the name of an index without a name begins with."""

csv.field_size_limit(LONGEST_CELL)

Row = tuple[int, list[str]]
"""The number of a line, and its cells."""


@dataclass
class CsvFile:
    """A text file with a separator; `skip` lines stand before the first row, `columns` is the usual number of cells."""

    path: Path
    separator: str = ","
    skip: int = 0
    columns: int = 0
    marked: bool = False
    """The first row begins with the mark of a comment, which does not belong to its name."""
    notes: tuple[str, ...] = ()
    has_header: bool | None = None
    """None where it has to be guessed."""
    skipped: int = 0
    """Comments between rows, of the last time it was read."""
    index: frozenset[str] = frozenset()

    def rows(self) -> Iterator[Row]:
        """Yield every row; empty lines and comments are left out. Raises RunError naming the line."""
        self.skipped = 0
        with _reported(self.path) as reported, _text(self.path) as stream:
            for _ in range(self.skip):
                stream.readline()
            lines = _Lines(stream)
            reader = csv.reader(lines, delimiter=self.separator, skipinitialspace=True)
            reported.line = lambda: self.skip + reader.line_num
            for number, cells in enumerate(self._filled(reader, lines)):
                if number and self._is_comment(cells):
                    self.skipped += 1
                    continue
                if not number and self.marked:
                    cells[0] = cells[0].lstrip("#%/ ")
                yield reported.line(), cells

    def _filled(self, reader: Any, lines: _Lines) -> Iterator[list[str]]:
        """The rows that are not empty. Raises RunError where a cell goes on to the end of the file."""
        line = self.skip
        for row in reader:
            if lines.ended and row != [END]:
                told = "opens a quotation mark that is never closed; close or remove it"
                raise RunError(f"{clean_line(self.path)} line {line + 1} {told}")
            line = self.skip + reader.line_num
            if any(row) and not lines.ended:
                yield row

    def _is_comment(self, cells: Sequence[str]) -> bool:
        return len(cells) != self.columns and cells[0].startswith(COMMENTS)


class _Lines:
    """The lines of a text file and then END; `ended` once that was taken."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        yield from self._stream
        self.ended = True
        yield END


@dataclass
class ParquetFile:
    """A parquet file, read by pyarrow or else pandas."""

    path: Path
    columns: int = 0
    notes: tuple[str, ...] = ()
    has_header: bool | None = True
    skipped: int = 0
    index: frozenset[str] = frozenset()
    """The columns that hold the index of a data frame of pandas; known once the names are read."""

    def rows(self) -> Iterator[Row]:
        """Yield the names of the columns, then each row. Raises RunError."""
        try:
            for number, cells in enumerate(self._cells(), start=1):
                yield number, ["" if cell is None or cell != cell else str(cell) for cell in cells]
        except ImportError:
            raise RunError(f"{clean_line(self.path)} is a parquet file: pip install pyarrow") from None
        except OSError as error:
            raise RunError(f"cannot read {clean_line(self.path)}: {clean_line(error, 100)}") from None
        except RunError:
            raise
        except Exception as error:
            # What is damaged or out of range is raised as anything: by Arrow, by Python's dates, by time zones.
            reason = clean_line(str(error).split(". ", 1)[0] or type(error).__name__, 150)
            raise RunError(f"cannot read {clean_line(self.path)}: {reason}; make or copy it again") from None

    def _cells(self) -> Iterator[Sequence[Any]]:
        try:
            import pyarrow.parquet
        except ImportError:
            yield from self._cells_of_pandas()
            return
        with pyarrow.parquet.ParquetFile(self.path) as file:
            names = file.schema_arrow.names
            self.index = _pandas_index(names, file.schema_arrow.metadata or {})
            yield names
            for batch in file.iter_batches(10_000):
                yield from zip(*map(self._values, names, batch.columns), strict=True)

    def _values(self, name: str, column: Any) -> list[Any]:
        try:
            found: list[Any] = column.to_pylist()
        except Exception as error:
            told = f"column {clean_line(repr(name), 60)} cannot be read: {clean_line(error, 100)}"
            raise RunError(f"{clean_line(self.path)}: {told}; correct that column or leave it out") from None
        return found

    def _cells_of_pandas(self) -> Iterator[Sequence[Any]]:
        import pandas

        frame = pandas.read_parquet(self.path)
        yield list(map(str, frame.columns))
        yield from frame.itertuples(index=False, name=None)


def _pandas_index(names: Sequence[str], metadata: Mapping[bytes, bytes]) -> frozenset[str]:
    """The columns that are the index of a data frame, by what pandas writes beside them."""
    told: Any = []
    with contextlib.suppress(ValueError, AttributeError):
        told = json.loads(metadata.get(b"pandas", b"{}")).get("index_columns")
    known = told if isinstance(told, list) else []
    return frozenset(name for name in names if name in known or name.startswith(PANDAS_INDEX))


TableFile = CsvFile | ParquetFile


def examine(path: Path) -> TableFile:
    """Detect the format of a table file. Raises RunError naming a format that is not read, and for an empty file."""
    head = _head(path)
    if head.startswith(PARQUET):
        return ParquetFile(path)
    for magic, name in OTHERS.items():
        if head.startswith(magic):
            inside = next((name for mark, name in SHEETS.items() if mark in head), "")
            by_name = f"an Excel workbook: {SHEET}" if path.suffix.lower() in (".xlsx", ".xlsm") else ""
            raise RunError(f"{clean_line(path)} is {(inside or by_name or name) if magic[:2] == b'PK' else name}")
    with _reported(path), _text(path) as stream:
        lines = _beginning(stream)
    return _examined(path, lines)


def _beginning(stream: io.TextIOWrapper) -> list[str]:
    """The first lines; fewer than LOOKED_AT where they are long."""
    lines: list[str] = []
    length = 0
    while len(lines) < LOOKED_AT and length < LONGEST_CELL and (line := stream.readline(LONGEST_CELL)):
        lines.append(line)
        length += len(line)
    return lines


def _examined(path: Path, lines: list[str]) -> CsvFile:
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
        raise RunError(f"{clean_line(path)} is empty")
    separator = said or max(SEPARATORS, key=lambda separator: _fitness(_cut(rest, separator), separator))
    columns = _usual_length(_cut(rest, separator))
    above = lines[skip + comments - 1] if comments else ""
    marked = above.startswith("#") and columns > 1 and _usual_length(_cut([above], separator)) == columns
    comments -= marked
    notes = (f"the first {comments:,} lines are comments and left out",) if comments > 1 else ()
    notes = ("the first line is a comment and left out",) if comments == 1 else notes
    return CsvFile(path, separator, skip + comments, columns, marked, notes)


def _said_separator(line: str) -> str:
    """The separator that Excel's own first line declares, `sep=;`; "" without it."""
    text = line.strip("\r\n").strip('"')
    return text[4] if len(text) == 5 and text[:4].lower() == "sep=" else ""


def _is_comment_or_empty(line: str, comments: int) -> bool:
    return line.startswith(COMMENTS) or (comments > 0 and not line.strip())


def _cut(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The rows in some lines, as far as they can be read; the last may be truncated."""
    rows = []
    with contextlib.suppress(csv.Error):
        rows = [row for row in csv.reader(lines, delimiter=separator, skipinitialspace=True) if any(row)]
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


def _head(path: Path) -> bytes:
    """The first bytes, decompressed."""
    with _reported(path), _binary(path) as stream:
        return stream.read(4096)


def _binary(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(6)
    opener = next((opener for start, opener in OPENERS.items() if magic.startswith(start)), None)
    stream: IO[bytes] = opener(path) if opener else path.open("rb")
    return stream


def _text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(_binary(path), encoding="utf-8-sig", newline="")


class _reported:
    """Turn errors while a file is read into RunError; `line` gives the position."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line: Any = lambda: 0

    def __enter__(self) -> _reported:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        name = clean_line(self.path)
        if isinstance(error, csv.Error) and "field limit" in str(error):
            told = f"has a cell of more than {LONGEST_CELL:,} characters; close its quotation mark or shorten it"
            raise RunError(f"{name} line {self.line()} {told}") from None
        if isinstance(error, csv.Error):
            raise RunError(f"{name} line {self.line()} cannot be read: {clean_line(error, 100)}") from None
        if isinstance(error, UnicodeDecodeError):
            raise RunError(f"{name} is not UTF-8 text; save it as UTF-8") from None
        if isinstance(error, (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)):
            raise RunError(f"{name} is compressed and damaged: {clean_line(error, 100)}") from None
        if isinstance(error, OSError):
            raise RunError(f"cannot read {name}: {(error.strerror or str(error)).lower()}") from None
