"""Tables of numbers in a narrow terminal: the most important columns stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dltui.tui.draw.styled_text import Row, Span, left, right

CURSOR, MARGIN = 3, 1
"""The cells before a name, and at the end."""
LEAST_NAME = 12
MOST_BAR, LEAST_BAR = 60, 4


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


def percent(value: float | None) -> str:
    """A share; "-" for one that is not known (None, NaN)."""
    return "-" if value is None or value != value else f"{100 * value:.1f} %"


def row_of_class(
    name: str, cells: Sequence[Span], share: float | None, layout: Columns, number: int, width: int, chosen: bool
) -> Row:
    """A class with the cells of all columns, `number` wide each, of which the layout shows some; and a bar of its share
    where there is room, empty for one that is not known (None, NaN).
    """
    row: Row = [
        (" › " if chosen else "   ", "accent bold"),
        (left(name, layout.name), "bold" if chosen else ""),
        *((right(cells[at][0], number), cells[at][1]) for at in layout.shown),
    ]
    room = min(width - layout.name - len(layout.shown) * number - 6, MOST_BAR)
    if room < LEAST_BAR:
        return row
    bar = 0 if share is None or share != share else round(share * room)
    return [*row, ("  ", ""), ("━" * bar, "train"), ("─" * (room - bar), "empty")]
