"""Reads sequences from tables: one with a line for each step, or a folder with a table for each sequence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dltui.core.errors import RunError
from dltui.core.inputs import headings, separated
from dltui.core.inputs.numerals import as_number, is_missing
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images.walk import folders, is_hidden
from dltui.plugins.datasets.sequences.found import Found
from dltui.plugins.datasets.tables import files, roles
from dltui.plugins.datasets.tables.header import is_header
from dltui.plugins.datasets.tables.table import Table, look_through

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

IDS = ("id", "sequence", "sequence_id", "series", "series_id")


def of_table(path: Path, called: str, target: str) -> Found:
    """The sequences of a table: lines with one id are the steps of one, in their order. Raises RunError naming the
    line.
    """
    table = look_through(str(path), "auto")
    wanted = roles.target_of(table, target)
    first, values, left = _columns(table, called, wanted)
    if first == wanted or not values:
        where = clean_line(path)
        raise RunError(f"{where}: wanted are a column that tells sequences apart, columns of numbers, and a target")
    steps, targets = _grouped(table, first, wanted, values)
    return Found(
        clean_line(path),
        [np.asarray(rows, np.float64) for rows in steps.values()],
        list(targets.values()),
        tuple(clean_line(table.columns[place].name, 100) for place in values),
        tuple(clean_line(name, 100) for name in steps),
        notes=(*table.notes, *table.index_notes((first, wanted)), *table.counting_notes(left)),
        styles=tuple(table.columns[place].numerals.style for place in values),
        number=table.columns[wanted].numerals.value,
    )


def _columns(table: Table, called: str, wanted: int) -> tuple[int, list[int], list[int]]:
    """The column that tells sequences apart, those of the features, and those that are left out since they number the
    lines of the file: in a file that is in order of the target these would tell it.
    """
    others = [place for place in range(len(table.columns)) if place != wanted]
    counting = [place for place in others if table.is_index(place)]
    rest = [place for place in others if place not in counting]
    names = [column.name.strip().lower() for column in table.columns]
    by_name = [place for some in (rest, counting) for name in IDS for place in some if names[place] == name]
    first = table.column(called) if called else (by_name or rest or others)[0]
    values = [place for place in rest if place != first]
    left = [place for place in counting if place != first and place in table.places]
    # As in tables they stay where there is nothing else.
    return (first, values, left) if values or not (called or by_name) else (first, left, [])


def _grouped(
    table: Table, first: int, wanted: int, values: Sequence[int]
) -> tuple[dict[str, list[list[float]]], dict[str, str]]:
    """The steps and the target of each sequence by its id."""
    steps: dict[str, list[list[float]]] = {}
    targets: dict[str, str] = {}
    for line, cells in table.cells():
        name, target = cells[first].strip(), cells[wanted].strip()
        where = f"{clean_line(table.path)} line {line}"
        # Any text can tell a sequence apart, such as NA.
        for place, what, gap in (
            (first, "which tells sequences apart", not name),
            (wanted, "the target", is_missing(target)),
        ):
            if gap:
                raise RunError(f"{where} has no {table.columns[place].name!r}, {what}: fill it in or remove it")
        if targets.setdefault(name, target) != target:
            told = f"{clean_line(repr(target), 40)} as its target, before it was {clean_line(repr(targets[name]), 40)}"
            raise RunError(f"{where}: the sequence {clean_line(repr(name), 40)} has {told}; it has one for all steps")
        steps.setdefault(name, []).append([_number(table, place, cells[place], where) for place in values])
    return steps, targets


def _number(table: Table, place: int, cell: str, where: str) -> float:
    column = table.columns[place]
    value = column.numerals.value(cell.strip())
    if value is None:
        told = f"{clean_line(repr(cell), 40)} as {column.name!r}, which is no number"
        raise RunError(f"{where} has {told}; features of sequences are numbers")
    return float(value)


def files_of(path: Path) -> list[Path]:
    """The files in the folders of classes, without what systems and programs keep for themselves."""
    found = [file for name in folders(path) for file in (path / name).iterdir()]
    return sorted(file for file in found if file.is_file() and not is_hidden(file.name))


def of_folder(path: Path) -> Found:
    """The sequences of a folder: CLASS/FILE.csv holds the steps of one, a line each. Raises RunError."""
    found = files_of(path)
    if not found:
        raise RunError(f"{clean_line(path)} has no files in folders of classes; wanted is CLASS/FILE.csv")
    read: list[_Read] = []
    for file in found:
        read.append(_rows(file, read[0].steps.shape[1] if read else 0))
    first = _beginning(found[0])
    alike = all(one.first == first[0] for one in read)
    if alike and len(found) > 1 and _are_names(first[0], first[1:]):
        steps = [_without_first(one.steps, file) for one, file in zip(read, found, strict=True)]
        places = _names(first[0])
        names = clean_line(",".join(first[0]), 60)
        notes = [f"left out, as names of features: the line {names!r}, with which every file begins"]
    else:
        steps, places, notes = _in_order(found, read)
    names_of_files = tuple(clean_line(f"{file.parent.name}/{file.name}", 150) for file in found)
    return Found(
        clean_line(path), steps, [file.parent.name for file in found], places, names_of_files, notes=tuple(notes)
    )


class _Read(NamedTuple):
    """The steps of a file, its first line, and the names of the features where that has them."""

    steps: Array
    first: list[str]
    names: tuple[str, ...]


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(headings.short_names(headings.headings(cells)))


def _in_order(found: Sequence[Path], read: Sequence[_Read]) -> tuple[list[Array], tuple[str, ...], list[str]]:
    """The steps with their features in the order of the first file that names them, these names, and a note about files
    that have none of them, whose order stays. Raises RunError for a file that has some only.
    """
    known, other = next(((one.names, file) for one, file in zip(read, found, strict=True) if one.names), ((), Path()))
    if len(known) < 2:
        # The name of a single feature may be that of the file.
        return [one.steps for one in read], known if all(one.names in ((), known) for one in read) else (), []
    steps, unknown = [], []
    for one, file in zip(read, found, strict=True):
        order = headings.order_of(one.names or known, known)
        if order is None:
            there, wanted = (clean_line(", ".join(some), 80) for some in (one.names, known))
            told = f"names the features {there}, and {clean_line(other)} {wanted}; give both the same names"
            raise RunError(f"{clean_line(file)} {told}")
        steps.append(one.steps[:, order])
        if one.names and not headings.shares_names(one.names, known):
            unknown.append(file)
    if not unknown:
        return steps, known, []
    told = f"{plural(len(unknown), 'file')} with other names of features than {clean_line(other.name, 60)}"
    return steps, known, [f"{told}, such as {clean_line(unknown[0].name, 60)}: taken in the order of each file"]


def _beginning(file: Path) -> list[list[str]]:
    return [cells for _, cells in islice(files.examine(file).rows(), separated.LOOKED_AT)]


def _rows(file: Path, places: int) -> _Read:
    """The numbers of a file, of whose features there are `places` unless that is 0; a first line of names is no step.
    Raises RunError.
    """
    rows: list[list[float]] = []
    first: list[str] = []
    names: tuple[str, ...] = ()
    for count, (line, cells) in enumerate(files.examine(file).rows()):
        first = first or cells
        numbers = [as_number(cell.strip()) for cell in cells]
        if count == 0 and all(number is None for number in numbers) and not all(map(is_missing, cells)):
            names = _names(cells)
            continue
        if None in numbers:
            bad = cells[numbers.index(None)]
            raise RunError(f"{clean_line(file)} line {line} has {clean_line(repr(bad), 40)}, which is no number")
        places = places or len(numbers)
        if len(numbers) != places:
            raise RunError(f"{clean_line(file)} line {line} has {len(numbers)} numbers, others have {places}")
        rows.append([number for number in numbers if number is not None])
    if not rows:
        raise RunError(f"{clean_line(file)} has no steps; remove it")
    return _Read(np.asarray(rows, np.float64), first, names if len(names) == places else ())


def _are_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """True if a first line of numbers holds names, as tables have them, or counts the columns."""
    if any(as_number(cell) is None for cell in first) or not below:
        return False
    return is_header(first, below) or headings.count_columns(first, below)


def _without_first(rows: Array, file: Path) -> Array:
    if len(rows) < 2:
        raise RunError(f"{clean_line(file)} has no steps; remove it")
    return rows[1:]
