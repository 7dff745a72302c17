"""Tables of numbers in a narrow terminal: the most important columns stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CURSOR, MARGIN = 3, 1
"""The cells before a name, and at the end."""
LEAST_NAME = 12


class Columns(NamedTuple):
    """The width of the names, and the places of the columns that are shown."""

    name: int
    shown: tuple[int, ...]

    def of(self, cells: Sequence[str]) -> list[str]:
        """The cells of the columns that are shown."""
        return [cells[place] for place in self.shown]


def columns(width: int, name: int, number: int, order: Sequence[int]) -> Columns:
    """The columns, `number` cells wide each, that fit beside names of `name` cells at most. `order` has their places,
    the most important first; names become shorter before a column is left out.
    """
    room = width - CURSOR - MARGIN
    fitting = max((room - min(name, LEAST_NAME)) // number, 1)
    shown = tuple(sorted(list(dict.fromkeys(order))[:fitting]))
    return Columns(max(min(name, room - len(shown) * number), 1), shown)
