"""The confusion matrix as a heat map with a cursor, and the worst pairs beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.text import shorten
from dltui.core.text import width as cells_of
from dltui.tui.draw.names import shortened_names
from dltui.tui.draw.picture import RAMP_ASCII
from dltui.tui.draw.styled_text import Row, beside, cells, cut, ends, fit, right

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.inside.cursor import CellCursor

PAIRS = 26
MOST_PAIRS = 12
LARGEST_NAME = 12
CELLS = (12, 9, 7, 6, 5, 4, 3, 2)
"""Widths that a cell may have, the best first; below 3 it shows its color only."""
HEIGHTS = {1: 7, 2: 9, 3: 12}
"""The number of rows of a class, with the greatest width of its cells: a letter is twice as high as wide."""
UNITS = {"": "images", "%": "% of each true class", "color": "color: share of each true class"}


@dataclass(frozen=True)
class _Layout:
    """The visible part of the matrix and its layout; `rows` and `columns` are classes in the order shown."""

    name: int
    size: int
    tall: int
    unit: str
    rows: list[int]
    columns: list[int]
    cell: tuple[int, int]
    letters: bool
    names: list[str]
    """The row labels of all classes."""

    def place(self, text: str) -> str:
        """The text centered in a cell without its last column, which belongs to the cursor."""
        room = self.size - 1
        return right(text, room) if self.tall == 1 else right(text + " " * ((room - cells_of(text)) // 2), room)

    @property
    def width(self) -> int:
        return self.name + 2 + len(self.columns) * self.size


def confusion(matrix: Matrix | None, state: CellCursor, width: int, height: int, look: Look, note: str) -> list[Row]:
    """The title, the header and the classes around the cursor, as many as fit; true classes are rows."""
    if matrix is None:
        return [[], [(f"  {note}", "dim")]]
    layout = _layout(matrix, state, width, height, look)
    block = [_header(matrix, layout)]
    for row in layout.rows:
        above = (layout.tall - 1) // 2
        filling = _filling(matrix, row, layout)
        block += [*[filling] * above, _line(matrix, row, layout), *[filling] * (layout.tall - 1 - above)]
    rest = width - layout.width - 1
    return [
        _title(matrix, state, layout, width),
        *beside([(block, width - rest), (worst(matrix, rest, height - 2), rest)], height - 2),
        _about(matrix, layout.cell, width),
    ]


def _layout(matrix: Matrix, state: CellCursor, width: int, height: int, look: Look) -> _Layout:
    order, cell = state.order(matrix), state.chosen(matrix)
    name = min(LARGEST_NAME, max(map(cells_of, matrix.classes)))
    room = width - PAIRS - name - 2
    letters = look.ascii or look.mono
    tall = 1 if letters else max(rows for rows in HEIGHTS if rows == 1 or rows * len(order) <= height - 3)
    size = next((size for size in CELLS if size <= HEIGHTS[tall] and size * len(order) <= room), CELLS[-1])
    tall = max(rows for rows in HEIGHTS if rows == 1 or (rows <= tall and 2 * rows < size))
    largest = max(max(row) for row in matrix.counts)
    small = size < 3 or (size < 4 and len(str(largest)) >= size)
    unit = "color" if small else "%" if state.percent or len(str(largest)) >= size else ""
    return _Layout(
        name,
        size,
        tall,
        unit,
        _window(order, order.index(cell[0]), max(1, (height - 3) // tall)),
        _window(order, order.index(cell[1]), max(1, room // size)),
        cell,
        letters,
        shortened_names(matrix.classes, name),
    )


def _window(order: list[int], at: int, room: int) -> list[int]:
    """The classes of `order` that fit into `room`, around the cursor in the middle where possible."""
    first = min(max(at - room // 2, 0), max(len(order) - room, 0))
    return order[first : first + room]


def _title(matrix: Matrix, state: CellCursor, layout: _Layout, width: int) -> Row:
    row: Row = [(" confusion ", "heading"), (f" {where(matrix)}", "")]
    end: Row = [(f"{matrix.right:,} of {matrix.total:,} right ", "dim")]
    order = ", hardest first" if state.hardest_first else ""
    axes = "rows true, columns predicted"
    unit = "pixels" if not layout.unit and matrix.unit == "pixels" else UNITS[layout.unit]
    texts = (f"   {axes};  {unit}{order}", f"   {axes};  {unit}", f"   {axes}" if not layout.unit else f"   {unit}")
    # Two blanks are left between the parts.
    fitting = ([*row, (text, "dim")] for text in texts if len(text) + cells(row + end) + 2 <= width)
    return ends(next(fitting, row), end, width)


def where(matrix: Matrix) -> str:
    """The split and the epoch of the matrix, as text."""
    return f"{matrix.split}, epoch {matrix.epoch}"


def _header(matrix: Matrix, layout: _Layout) -> Row:
    if layout.size < 4:
        return [(f" {right('true', layout.name)} ", "faint"), ("predicted ›", "faint")]
    row: Row = [(" " * (layout.name + 2), "")]
    short = shortened_names(matrix.classes, layout.size - 1, ellipsis=0)
    for number in layout.columns:
        style = "bold" if number == layout.cell[1] else "dim"
        # As many letters as a column has: an ellipsis would take one of the few.
        row.append((layout.place(shorten(short[number], layout.size - 1, "")) + " ", style))
    return row


def _line(matrix: Matrix, number: int, layout: _Layout) -> Row:
    counts, shares = matrix.counts[number], matrix.shares[number]
    row: Row = [(" " + right(layout.names[number], layout.name) + " ", "bold" if number == layout.cell[0] else "")]
    for said in layout.columns:
        heat, style = _heat(matrix, number, said)
        text = layout.place(_text(counts[said], shares[said], heat, layout))
        if (number, said) == layout.cell:
            row += [(text, f"{style} bold underline reverse"), ("<", "accent bold")]
        else:
            row.append((text + " ", style))
    return row


def _filling(matrix: Matrix, number: int, layout: _Layout) -> Row:
    """The rows of a class above and below its numbers."""
    row: Row = [(" " * (layout.name + 2), "")]
    for said in layout.columns:
        _, style = _heat(matrix, number, said)
        if (number, said) == layout.cell:
            row += [(" " * (layout.size - 1), f"{style} reverse"), (" ", "")]
        else:
            row.append((" " * layout.size, style))
    return row


def _heat(matrix: Matrix, true: int, said: int) -> tuple[float, str]:
    """The intensity of a cell's color, and its style. Mistakes are amplified three times, because a tenth of a class is
    much, while the diagonal is near 1.
    """
    share = matrix.shares[true][said]
    heat = share if said == true else min(1.0, share * 3)
    return heat, f"{'heat' if said == true else 'miss'}:{heat:.2f}"


def _text(count: int, share: float, heat: float, layout: _Layout) -> str:
    if layout.unit == "color":
        return RAMP_ASCII[min(int(heat * len(RAMP_ASCII)), len(RAMP_ASCII) - 1)] if layout.letters else ""
    return "·" if not count else f"{100 * share:.0f}" if layout.unit == "%" else str(count)


def _about(matrix: Matrix, cell: tuple[int, int], width: int) -> Row:
    """A description of the cell under the cursor."""
    true, said = cell
    count, total = matrix.counts[true][said], sum(matrix.counts[true])
    share = f", {100 * count / total:.1f} % of all true {matrix.classes[true]}" if total else ""
    what = f"true {matrix.classes[true]}, predicted {matrix.classes[said]}"
    opens = " shows its mistakes" if true == said else " shows them"
    shown = matrix.unit == "samples" and (count or true == said)
    key: Row = [("Enter", "key"), (opens + " ", "dim")] if shown else []
    row: Row = [(f" {what}", "bold"), (f": {count:,}{share}", "")]
    if cells(row + key) > width:
        row[1] = (f": {count:,}", "")
    return ends(row, key, width)


def worst(matrix: Matrix, width: int, most: int) -> list[Row]:
    """The most frequently confused pairs."""
    rows: list[Row] = [[(" most confused", "dim")]]
    listed = matrix.worst(min(most - 1, MOST_PAIRS))
    size = max(4, *(len(f"{count:,}") for count, *_ in listed)) if listed else 4
    room = width - size - 1
    short = shortened_names(matrix.classes, (room - 3) // 2)
    for count, true, said in listed:
        names = [matrix.classes[true], matrix.classes[said]]
        if sum(map(cells_of, names)) + 3 > room:
            names = [short[true], short[said]]
            names = [
                cut(name, max((room - 3) // 2, room - 3 - cells_of(other)))
                for name, other in zip(names, names[::-1], strict=True)
            ]
        rows.append(
            [(right(f"{count:,}", size), "validation bold"), (f" {names[0]}", ""), (" → ", "dim"), (names[1], "")]
        )
    return [fit(row, width) for row in rows]
