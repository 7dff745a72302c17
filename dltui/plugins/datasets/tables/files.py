"""Reads the rows of a table as texts: CSV, plain or compressed, and parquet; other formats are named."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core.errors import RunError
from dltui.core.inputs import separated
from dltui.core.inputs.separated import BadLine, Form
from dltui.core.text import clean_line

PARQUET = b"PAR1"
PANDAS_INDEX = "__index_level_"
"""What the name of an index without a name begins with."""

Row = tuple[int, list[str]]
"""The number of a line, and its cells."""


@dataclass
class CsvFile:
    """A text file with a separator."""

    path: Path
    form: Form
    notes: tuple[str, ...] = ()
    has_header: bool | None = None
    """None where it has to be guessed."""
    skipped: int = 0
    """Comments between rows, of the last time all of it was read."""
    index: frozenset[str] = frozenset()

    @property
    def separator(self) -> str:
        return self.form.separator

    @property
    def columns(self) -> int:
        """The usual number of cells."""
        return self.form.columns

    def rows(self) -> Iterator[Row]:
        """Yield every row; empty lines and comments are left out. Raises RunError naming the line."""
        comments: list[int] = []
        with _reported(self.path), _text(self.path) as stream:
            yield from separated.rows_of(stream, self.form, comments)
        self.skipped = len(comments)


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
        # A column of a nullable type has NA in its gaps, which has no truth value.
        whole = frame.astype(object).where(frame.notna(), None)
        yield from whole.itertuples(index=False, name=None)


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
    with _reported(path), separated.opened(path) as packed:
        head = packed.read(4096)
    if head.startswith(PARQUET):
        return ParquetFile(path)
    other = separated.other_format(head, path.suffix)
    if other:
        raise RunError(f"{clean_line(path)} is {other}")
    with _reported(path), _text(path) as stream:
        lines = separated.beginning(stream)
    other = separated.no_table("".join(lines[:5]))
    if other:
        raise RunError(f"{clean_line(path)} is {other}")
    form = separated.form_of(lines)
    if form is None:
        raise RunError(f"{clean_line(path)} is empty")
    notes = (f"the first {form.comments:,} lines are comments and left out",) if form.comments > 1 else ()
    notes = ("the first line is a comment and left out",) if form.comments == 1 else notes
    return CsvFile(path, form, notes)


def _text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(separated.opened(path), encoding="utf-8-sig", newline="")


class _reported:
    """Turn errors while a file is read into RunError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        name = clean_line(self.path)
        if isinstance(error, BadLine):
            raise RunError(f"{name} {error}") from None
        if isinstance(error, UnicodeDecodeError):
            raise RunError(f"{name} is not UTF-8 text; save it as UTF-8") from None
        if isinstance(error, (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)):
            raise RunError(f"{name} is compressed and damaged: {clean_line(error, 100)}") from None
        if isinstance(error, OSError):
            raise RunError(f"cannot read {name}: {(error.strerror or str(error)).lower()}") from None
