"""Distinguishes a first line of names from a first line of data, by what stands below it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from dltui.core.inputs.numerals import as_number, is_missing, looks_like_number

TARGET_NAMES = ("target", "label", "class", "y")
YEARS = range(1800, 2101)
LONG_SEQUENCE = 5


def is_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """True if `first` holds the names of the columns whose first rows are `below`."""
    heads = [cell.strip() for cell in first]
    columns = [[row[place].strip() for row in below if place < len(row)] for place in range(len(heads))]
    for head, column in zip(heads, columns, strict=True):
        if head.lower() in TARGET_NAMES and head not in column:
            return True
    if not below:
        return 2 * sum(as_number(head) is not None for head in heads) < len(heads)
    votes = [_vote(head, column) for head, column in zip(heads, columns, strict=True)]
    numeric = [place for place, head in enumerate(heads) if as_number(head) is not None]
    if _names_of_numbers([heads[place] for place in numeric], [columns[place] for place in numeric]):
        votes = [abs(vote) if place in numeric else vote for place, vote in enumerate(votes)]
    balance = sum(votes)
    return balance > 0 or (balance == 0 and 2 * len(numeric) < len(heads))


def _vote(head: str, column: Sequence[str]) -> int:
    """The vote of a column: 1 for a name, -1 for data, 0 where both are possible."""
    present = [cell for cell in column if not is_missing(cell)]
    if not present or is_missing(head):
        return 0
    numbers = sum(map(looks_like_number, present))
    if 2 * numbers > len(present):
        return -1 if looks_like_number(head) else 1
    if head in present:
        return -1
    return 1 if 2 * len(set(present)) <= len(present) else 0


def _names_of_numbers(heads: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """True if numbers are names: 0, 1, 2 as pandas calls columns, years, or a long ordered row like wavelengths; and
    the row below is not the same kind of numbers.
    """
    values = [float(head) for head in heads]
    below = [as_number(column[0]) if column else None for column in columns]
    if _is_sequence(values) or _are_years(values):
        known = [value for value in below if value is not None]
        return not (_is_sequence(known) or _are_years(known))
    rows = zip(*columns, strict=False)
    return len(values) >= LONG_SEQUENCE and _is_ordered(values) and not any(_ordered_cells(row) for row in rows)


def _is_sequence(values: Sequence[float]) -> bool:
    """True for the numbers n, n + 1, n + 2 and so on."""
    steps = {after - before for before, after in pairwise(values)}
    return len(values) >= 3 and steps == {1}


def _are_years(values: Sequence[float]) -> bool:
    return len(values) >= 2 and len(set(values)) == len(values) and all(value in YEARS for value in values)


def _is_ordered(values: Sequence[float]) -> bool:
    return list(values) in (sorted(set(values)), sorted(set(values), reverse=True))


def _ordered_cells(row: Sequence[str]) -> bool:
    values = [as_number(cell) for cell in row]
    return all(value is not None for value in values) and _is_ordered([value for value in values if value is not None])
