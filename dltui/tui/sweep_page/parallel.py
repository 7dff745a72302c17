"""Parallel coordinates in braille: an axis for each hyperparameter and one for the result, a line for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.trials.findings import good_ones
from dltui.core.numbers import metric
from dltui.core.text import safe
from dltui.core.text import width as cells_of
from dltui.tui.draw.styled_text import Look, Row, cut, fit, merge

if TYPE_CHECKING:
    from dltui.core.analysis.trials.trial import Trial
    from dltui.tui.sweep_page.state import SweepState

SPACE = " "


def draw(state: SweepState, width: int, height: int, look: Look) -> list[Row]:
    """The picture: names, upper ends, lines, lower ends. The chosen axis is marked."""
    rows = height - 3
    axes = len(state.space) + 1
    shown = min(axes, max((width - 2) // 9, 2))
    first = min(max(state.axis - shown + 1, 0), axes - shown)
    visible = range(first, first + shown)
    columns = [1 + round(place * (width - 3) / max(shown - 1, 1)) for place in range(shown)]
    if rows < 1:
        return [fit([(" parallel", "heading")], width)]
    canvas = _Canvas(width, rows, look)
    for style, trials in _layers(state):
        for one in trials:
            places = [state.place(axis, one) for axis in visible]
            canvas.polyline(columns, places, style)
    for axis, column in zip(visible, columns, strict=True):
        canvas.axis(column, axis == state.axis, axis in state.brushes)
    names = [(state.axis_name(axis), "accent bold" if axis == state.axis else "heading") for axis in visible]
    ends = [_ends(state, axis) for axis in visible]
    return [
        _labels(names, columns, width),
        _labels([(high, "dim") for _, high in ends], columns, width),
        *canvas.rows(),
        _labels([(low, "dim") for low, _ in ends], columns, width),
    ]


def _layers(state: SweepState) -> list[tuple[str, list[Trial]]]:
    """The trials by the style of their line, the most important last."""
    known = [one for one in state.everyone if one.best is not None]
    good = {one.run.id for one in known[: good_ones(known)]}
    brushed = [one for one in known if state.is_brushed(one)]
    others = [one for one in known if not state.is_brushed(one)]
    return [
        ("rule", others),
        ("dim", [one for one in reversed(brushed) if one.run.id not in good]),
        ("validation", [one for one in reversed(brushed) if one.run.id in good]),
        ("best bold", [one for one in brushed if one.run.id == state.selected]),
    ]


def _ends(state: SweepState, axis: int) -> tuple[str, str]:
    """The lower and the upper end of an axis."""
    if axis == len(state.space):
        name = state.axis_name(axis)
        low, high = state.range
        return metric(name, low), metric(name, high)
    return state.space[axis].ends


def _labels(texts: list[tuple[str, str]], columns: list[int], width: int) -> Row:
    """Texts centered over their axes, each within its share of the width."""
    row: Row = []
    at, room = 0, max(width // max(len(texts), 1) - 1, 3)
    for (text, style), column in zip(texts, columns, strict=True):
        shown = cut(safe(text), room)
        size = cells_of(shown)
        start = min(max(column - size // 2, at), width - size)
        row += [(" " * (start - at), ""), (shown, style)]
        at = start + size
    return fit(row, width)


class _Canvas:
    """Letters of braille, each with the style of the last line through it; letters alone in ASCII."""

    def __init__(self, width: int, height: int, look: Look) -> None:
        self.width, self.height, self.look = width, height, look
        self._dots = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]
        self._signs: dict[tuple[int, int], tuple[str, str]] = {}

    def polyline(self, columns: list[int], places: list[float | None], style: str) -> None:
        """A line through a place on each axis."""
        for number in range(len(columns) - 1):
            start, end = places[number], places[number + 1]
            if start is not None and end is not None:
                self._segment(columns[number] * 2 + 1, start, columns[number + 1] * 2, end, style)

    def _segment(self, left: int, start: float, right: int, end: float, style: str) -> None:
        last = self.height * 4 - 1
        before = last - round(start * last)
        for x in range(left, right + 1):
            y = last - round((start + (end - start) * (x - left) / max(right - left, 1)) * last)
            # No gap in a steep line.
            for between in range(min(before, y) + (y != before), max(before, y) + 1):
                self._dot(x, between, style)
            self._dot(x, y, style)
            before = y

    def _dot(self, x: int, y: int, style: str) -> None:
        bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
        row, column = min(max(y // 4, 0), self.height - 1), min(x // 2, self.width - 1)
        if self._styles[row][column] != style:
            # A letter has one color: the later line takes the cell.
            self._dots[row][column] = 0
        self._dots[row][column] |= bits[y % 4][x % 2]
        self._styles[row][column] = style

    def axis(self, column: int, chosen: bool, brushed: bool) -> None:
        style = "accent bold" if chosen or brushed else "faint"
        for row in range(self.height):
            self._signs[row, column] = ("┼" if brushed else "│", style)

    def rows(self) -> list[Row]:
        return [merge([self._cell(row, column) for column in range(self.width)]) for row in range(self.height)]

    def _cell(self, row: int, column: int) -> tuple[str, str]:
        if (row, column) in self._signs:
            return self._signs[row, column]
        dots, style = self._dots[row][column], self._styles[row][column]
        if not dots:
            return SPACE, ""
        if self.look.ascii:
            return {"best bold": "*", "validation": "o", "dim": ".", "rule": "'"}[style], style
        return chr(0x2800 + dots), style
