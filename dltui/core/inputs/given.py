"""Reads the samples of a file for `dltui predict`: a text, the steps of a sequence, or the rows of a table."""

from __future__ import annotations

import io
import re
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.contract.inputs import LENGTH, Input
from dltui.core.errors import UsageError
from dltui.core.inputs import headings, kinds, numerals, separated, tokens
from dltui.core.inputs.records import record_type
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract.types import Array

MOST_BYTES = 64 << 20
TABLES = (".csv", ".tsv")
"""The suffixes of tables, whose rows are texts of their own."""
PACKED = (".gz", ".bz2", ".xz")
"""What may stand behind them."""
NAMELESS = re.compile(r"(?:feature|column) \d+")
"""The names of features that had none in training."""


def read(path: str, named: Sequence[Input]) -> tuple[Array, list[int]]:
    """The samples of a file as records, and the line of each; 0 where a file is a single sample. Raises UsageError."""
    kind = kinds.kind_of(named)
    if kind == "table":
        return _table(path, named)
    if kind == "sequence" and named[0].tokens:
        return _texts(path, named[0])
    if kind == "sequence" and named[0].features:
        return _records(named[0], [_steps(path, named[0])]), [0]
    names = ", ".join(one.name for one in named)
    instead = "dltui export RUN --format onnx writes a predict.py that reads them from a .npz file"
    raise UsageError(f"this model takes {names}, which no such file tells; {instead}")


def read_rows(path: str, named: Sequence[Input]) -> tuple[Array, list[int]]:
    """The rows of a table float32 (rows, features), and the line of each. A category is a column for each of its texts:
    all 0 for one that training did not know. Raises UsageError.
    """
    records, lines = _table(path, named)
    parts: list[Array] = []
    for one in named:
        if one.dtype == "float32":
            parts.append(records[one.name])
        else:
            parts += [records[one.name][:, [place]] == np.arange(1, size) for place, size in enumerate(one.vocabulary)]
    return np.hstack(parts).astype(np.float32), lines


def _text(path: str) -> str:
    """The text of a file, unpacked. Raises UsageError, also for a file of another kind."""
    where = clean_line(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{where} cannot be read: {reason.lower()}") from None
    try:
        module = separated.unpacking(content)
        if module and len(content) <= MOST_BYTES:
            content = module.open(io.BytesIO(content)).read(MOST_BYTES + 1)
    except MemoryError:
        raise
    except Exception as error:
        # Each way of packing has its own errors for what is damaged.
        raise UsageError(f"{where} is compressed and damaged: {clean_line(error, 100)}") from None
    if len(content) > MOST_BYTES:
        raise UsageError(f"{where} is larger than {MOST_BYTES >> 20} MiB; give it in parts")
    other = separated.other_format(content[:4096], Path(path).suffix)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        other = other or "not UTF-8 text; save it as UTF-8"
    if other:
        raise UsageError(f"{where} is {other}")
    return text


def _records(one: Input, samples: Sequence[Sequence[object]]) -> Array:
    """A record of each sequence, padded."""
    x = np.zeros(len(samples), record_type((one,)))
    for row, values in enumerate(samples):
        x[one.name][row, : len(values)] = values
        if one.padded:
            x[one.name + LENGTH][row] = len(values)
        elif len(values) < one.shape[0]:
            raise UsageError(f"this model takes {one.shape[0]} steps, the file has {len(values)}")
    return x


def _is_table(path: str) -> bool:
    name = Path(path).name.lower()
    return next((name.removesuffix(end) for end in PACKED if name.endswith(end)), name).endswith(TABLES)


def _texts(path: str, one: Input) -> tuple[Array, list[int]]:
    """The text of a file, or of each row of a table that has the column of texts of training."""
    where = clean_line(path)
    if one.places and _is_table(path):
        rows = _rows(path, one.places, of_texts=True)
        found, lines = [row[one.places[0]] for _, row in rows], [line for line, _ in rows]
    else:
        found, lines = [_text(path)], [0]
        if not found[0].strip() or "\0" in found[0]:
            raise UsageError(f"{where} is empty" if not found[0].strip() else f"{where} is no text")
    return _records(one, [tokens.encode(text, one)[: one.shape[0]] for text in found]), lines


def _lines(path: str, wanted: Sequence[str] = (), of_texts: bool = False) -> list[tuple[int, list[str]]]:
    """The lines of a table with their numbers, without empty ones and comments. Where columns are `wanted` each line is
    a sample: then a comment between them, which may be meant for one, is refused. Raises UsageError.
    """
    text, where = _text(path), clean_line(path)
    other = separated.no_table(text)
    if other:
        raise UsageError(f"{where} is {other}")
    form = separated.form_of(separated.beginning(io.StringIO(text, newline="")), frozenset(wanted), of_texts)
    comments: list[int] = []
    try:
        rows = list(separated.rows_of(io.StringIO(text, newline=""), form, comments)) if form else []
    except separated.BadLine as error:
        raise UsageError(f"{where} {error}") from None
    if wanted and comments:
        told = "begins with # and has not as many cells as others; complete it, or remove it if it is a comment"
        raise UsageError(f"{where} line {comments[0]} {told}")
    found = [(line, [cell.strip() for cell in cells]) for line, cells in rows]
    return [(line, cells) for line, cells in found if any(cells)]


def _steps(path: str, one: Input) -> list[list[float]]:
    """The numbers of a file, a step a line. Raises UsageError."""
    found: list[list[float]] = []
    lines = _lines(path)
    order = _order(path, one, lines)
    for number, cells in lines[order is not None :]:
        there = [cells[at] for at in order] if order is not None and len(order) == len(cells) else cells
        values = _step(one, there)
        if len(values) != one.features or None in values:
            told = f"line {number} has no {one.features} numbers, the features of a step"
            raise UsageError(f"{clean_line(path)} {told}")
        found.append([value for value in values if value is not None])
    if not found:
        raise UsageError(f"{clean_line(path)} has no steps")
    return found[: one.shape[0]]


def _order(path: str, one: Input, lines: Sequence[tuple[int, list[str]]]) -> Sequence[int] | None:
    """The columns of the features, as a first line of names has them, which may be the numbers that training knew as
    names; None without such a line. Raises UsageError where only some of the names are others.
    """
    first = lines[0][1] if lines else []
    names = headings.names_of(first, one.places)
    if names == list(one.places) or headings.count_columns(first, [cells for _, cells in lines[1:]]):
        return range(len(first))
    numbers = any(value is not None for value in _step(one, first))
    if not first or numbers or all(map(numerals.is_missing, first)):
        return None
    # Of a single feature the name does not matter; of features without names there is nothing to compare.
    if one.features == 1 or all(map(NAMELESS.fullmatch, one.places)):
        return range(len(first))
    order = headings.order_of(names, one.places)
    if order is None:
        there, wanted = (clean_line(", ".join(some), 100) for some in (names, one.places))
        raise UsageError(f"{clean_line(path)} has the columns {there}; this model takes {wanted}: name them so")
    return order


def _step(one: Input, cells: Sequence[str]) -> list[float | None]:
    """The numbers of a step as training read them; None for what is no number, or none of float32."""
    styles, offsets = chain(one.styles, repeat(None)), chain(one.offsets, repeat(0.0))
    found: list[float | None] = []
    for cell, style, offset in zip(cells, styles, offsets, strict=False):
        value = numerals.value(cell, style) if style else numerals.as_number(cell)
        found.append(value - offset if value is not None and _fits(value - offset) else None)
    return found


def _rows(path: str, names: Sequence[str], of_texts: bool = False) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table that has at least these columns, by their names, and the line of each: `of_texts` where the
    only one holds texts, which separators may stand in. Raises UsageError.
    """
    (_, head), *rows = _lines(path, names, of_texts) or [(0, [])]
    one_more = (len(head) > 1 or not of_texts) and all(len(cells) == len(head) + 1 for _, cells in rows)
    if one_more and any(cells[-1] for _, cells in rows):
        # R leaves out the name of the row names; a column of nothing stands behind the others.
        head = ["", *head]
    columns = headings.names_of(head, names)
    twice = next((name for name in names if columns.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{clean_line(path)} has two columns called {twice!r}; give one another name")
    missing = next((name for name in names if name not in columns), None)
    if missing is not None or not rows:
        told = f"has no column {missing!r}; its first line names the columns" if missing else "has no rows"
        raise UsageError(f"{clean_line(path)} {told}")
    for line, cells in rows:
        if len(cells) != len(columns):
            told = f"line {line} has {len(cells)} cells, the first has {len(columns)}; complete or remove it"
            raise UsageError(f"{clean_line(path)} {told}")
    return [(line, dict(zip(columns, cells, strict=True))) for line, cells in rows]


def _table(path: str, named: Sequence[Input]) -> tuple[Array, list[int]]:
    rows = _rows(path, [name for one in named for name in one.places])
    x = np.zeros(len(rows), record_type(named))
    for row, (line, cells) in enumerate(rows):
        for one in named:
            if one.tokens:
                found = tokens.encode(cells[one.places[0]], one)[: one.shape[0]]
                x[one.name][row, : len(found)], x[one.name + LENGTH][row] = found, len(found)
                continue
            for place, name in enumerate(one.places):
                x[one.name][row, place] = _value(one, place, cells[name], f"{clean_line(path)} line {line}")
    return x, [line for line, _ in rows]


def _value(one: Input, place: int, cell: str, where: str) -> float:
    """A number, or the number of a category: 0 for one that training did not know."""
    if one.dtype == "float32":
        return _number_of(one, place, cell, where)
    texts, gap = one.texts[place], one.gaps[place] if one.gaps else -1
    if numerals.is_missing(cell):
        # In runs of older versions the text tells a gap.
        return float(gap if one.gaps else texts.index("missing") if "missing" in texts else 0)
    names = (clean_line(cell), clean_line(cell, headings.CATEGORY))
    numbered = [(text, number) for number, text in enumerate(texts) if number != gap]
    return next((float(number) for name in names for text, number in numbered if text == name), 0.0)


def _number_of(one: Input, place: int, cell: str, where: str) -> float:
    """A number as training read it: in the style of its column, less an offset; what fills a gap."""
    if numerals.is_gap(cell):
        if not one.fills:
            raise UsageError(f"{where} has no {one.places[place]!r}, and this model knows no gaps; fill it in")
        return one.fills[place]
    number = numerals.value(cell, one.styles[place] if one.styles else "point")
    if number is not None and one.offsets:
        number -= one.offsets[place]
    if number is None or not _fits(number):
        raise UsageError(f"{where} has {clean_line(repr(cell), 40)} as {one.places[place]!r}, which is no number")
    return number


def _fits(value: float) -> bool:
    """True for a number that is finite in float32."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.float32(value)))
