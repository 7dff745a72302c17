"""The most confused pairs of classes as a list with a cursor, where a terminal is too small for the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.text import width as cells_of
from dltui.tui.draw.names import shortened_names
from dltui.tui.draw.styled_text import Row, cells, cut, ends, fit, on, right, window

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.tui.run_page.inside.cursor import CellCursor

LEAST = (56, 9)
"""The smallest area with a matrix."""
SHARE = 9


def is_small(width: int, height: int) -> bool:
    """True for an area that has no room for the matrix."""
    return width < LEAST[0] or height < LEAST[1]


def pairs(matrix: Matrix, state: CellCursor, width: int, height: int) -> list[Row]:
    """The title and a row for each pair: its count, both classes, and the share of the true class."""
    title: Row = [(" confused ", "heading"), (f" {matrix.split}, epoch {matrix.epoch}", "")]
    right_ones = f"{matrix.right:,} of {matrix.total:,} right "
    if cells(title) + len(right_ones) > width:
        right_ones = f"{100 * matrix.accuracy:.1f} % right "
    rows = [ends(title, [(right_ones, "dim")], width)]
    found = state.pairs(matrix)
    if not found:
        return [*rows, fit([("  nothing is confused", "good")], width)]
    at = found.index(state.pair(matrix))
    size = max(len(f"{count:,}") for count, *_ in found)
    room = width - size - SHARE - 6
    short = shortened_names(matrix.classes, max((room - 3) // 2, 1))
    for number in window(len(found), at, max(height - 1, 1)):
        count, true, said = found[number]
        names = _names(matrix, short, true, said, room)
        share = 100 * count / max(sum(matrix.counts[true]), 1)
        row: Row = [(" › " if number == at else "   ", "accent bold"), (right(f"{count:,}", size), "validation bold")]
        row += [*fit([("  ", ""), (names[0], ""), (" → ", "dim"), (names[1], "")], room + 2)]
        row.append((right(f"{share:.1f} %", SHARE), "dim"))
        rows.append(on(fit(row, width), "selected") if number == at else fit(row, width))
    return rows


def _names(matrix: Matrix, short: list[str], true: int, said: int, room: int) -> list[str]:
    """Both classes in so many cells, shortened where they do not fit."""
    names = [matrix.classes[true], matrix.classes[said]]
    if sum(map(cells_of, names)) + 3 <= room:
        return names
    names = [short[true], short[said]]
    return [
        cut(name, max((room - 3) // 2, room - 3 - cells_of(other)))
        for name, other in zip(names, names[::-1], strict=True)
    ]
