"""Reads sequences from tables: one with a line for each step, or a folder with a table for each sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError
from dltui.core.inputs.numerals import as_number, is_missing
from dltui.core.text import clean_line
from dltui.plugins.datasets.sequences.found import Found
from dltui.plugins.datasets.tables import files, roles
from dltui.plugins.datasets.tables.table import Table, look_through

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

IDS = ("id", "sequence", "sequence_id", "series", "series_id")


def of_table(path: Path, called: str, target: str) -> Found:
    """The sequences of a table: lines with one id are the steps of one, in their order. Raises RunError naming the
    line.
    """
    table = look_through(str(path), "auto")
    names = [column.name.strip().lower() for column in table.columns]
    first = table.column(called) if called else next((names.index(name) for name in IDS if name in names), 0)
    wanted = roles.target_of(table, target)
    values = [place for place in range(len(names)) if place not in (first, wanted)]
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
    )


def _grouped(
    table: Table, first: int, wanted: int, values: Sequence[int]
) -> tuple[dict[str, list[list[float]]], dict[str, str]]:
    """The steps and the target of each sequence by its id."""
    steps: dict[str, list[list[float]]] = {}
    targets: dict[str, str] = {}
    for line, cells in table.cells():
        name, target = cells[first].strip(), cells[wanted].strip()
        where = f"{clean_line(table.path)} line {line}"
        if is_missing(target):
            raise RunError(f"{where} has no {table.columns[wanted].name!r}, the target: fill it in or remove it")
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


def of_folder(path: Path) -> Found:
    """The sequences of a folder: CLASS/FILE.csv holds the steps of one, a line each. Raises RunError."""
    found = [file for file in sorted(path.glob("*/*")) if file.is_file() and not file.name.startswith(".")]
    if not found:
        raise RunError(f"{clean_line(path)} has no files in folders of classes; wanted is CLASS/FILE.csv")
    first = _rows(found[0])
    places = len(first[0])
    steps = [first, *(_rows(file, places) for file in found[1:])]
    names = tuple(clean_line(f"{file.parent.name}/{file.name}", 150) for file in found)
    return Found(clean_line(path), steps, [clean_line(file.parent.name, 100) for file in found], names=names)


def _rows(file: Path, places: int = 0) -> Array:
    """The numbers of a file (steps, features); a first line of names is left out."""
    rows: list[list[float]] = []
    for count, (line, cells) in enumerate(files.examine(file).rows()):
        numbers = [as_number(cell.strip()) for cell in cells]
        if count == 0 and all(number is None for number in numbers):
            continue
        if any(number is None for number in numbers):
            bad = cells[numbers.index(None)]
            raise RunError(f"{clean_line(file)} line {line} has {clean_line(repr(bad), 40)}, which is no number")
        places = places or len(numbers)
        if len(numbers) != places:
            raise RunError(f"{clean_line(file)} line {line} has {len(numbers)} numbers, others have {places}")
        rows.append([number for number in numbers if number is not None])
    if not rows:
        raise RunError(f"{clean_line(file)} has no steps; remove it")
    return np.asarray(rows, np.float64)
