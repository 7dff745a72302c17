"""Tables in lines: columns side by side, in the room that a terminal has; what explains a row goes on below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dltui.core.text import clean_line, width
from dltui.tui.draw.printed import pieces
from dltui.tui.draw.styled_text import Row, cut

GAP = 2
LEAST_CELL = 8
LEAST_PROSE = 24
INDENT = 4
Style = Callable[[int, str], str]
"""The style word of a cell, from its column and its text."""


def aligned(
    rows: Sequence[Sequence[str]],
    right: frozenset[int] = frozenset(),
    room: int = 0,
    yielding: Sequence[int] = (),
    prose: bool = False,
    style: Style = lambda column, text: "",
) -> list[Row]:
    """Rows of at most `room` cells, 0 for as many as they take. Columns in `right` are flush right; those `yielding`
    are cut, the first of them first, where the room is short; with `prose` the last column is wrapped."""
    cells = [[clean_line(cell) for cell in row] for row in rows]
    if not cells:
        return []
    texts = [row[-1] if prose else "" for row in cells]
    columns = [row[:-1] if prose else row for row in cells]
    sizes = [max(width(row[column]) for row in columns) for column in range(len(columns[0]))]
    if room:
        _shrink(sizes, room, yielding)
    before = sum(sizes) + GAP * len(sizes)
    found: list[Row] = []
    for number, (row, text) in enumerate(zip(columns, texts, strict=True)):
        line: Row = []
        for column, cell in enumerate(row):
            shown = cut(cell, sizes[column])
            fill = " " * (sizes[column] - width(shown))
            word = style(column, cell) if number else "dim"
            line += [(fill + shown if column in right else shown + fill, word), (" " * GAP, "")]
        found += _with_prose(line, text, before, room) if text else [line]
    return found


def _shrink(sizes: list[int], room: int, yielding: Sequence[int]) -> None:
    """Make columns narrower until they fit, or can give no more."""
    for column in yielding:
        missing = sum(sizes) + GAP * (len(sizes) - 1) - room
        if missing > 0:
            sizes[column] = max(sizes[column] - missing, min(sizes[column], LEAST_CELL))


def _with_prose(line: Row, text: str, before: int, room: int) -> list[Row]:
    """The row and its explanation: beside it, or below where the room beside it is too narrow."""
    if not room or before + width(text) <= room:
        return [[*line, (text, "")]]
    if room - before >= LEAST_PROSE:
        first, *rest = pieces(text, room - before)
        return [[*line, (first, "")], *([(" " * before + piece, "")] for piece in rest)]
    return [line, *([(" " * INDENT + piece, "dim")] for piece in pieces(text, room - INDENT))]
