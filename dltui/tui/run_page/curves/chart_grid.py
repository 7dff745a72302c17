"""Arranges the charts of a run in a grid, as many as fit; or a single chart over the whole area."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

from dltui.tui.draw.chart import MARGIN, draw
from dltui.tui.draw.plot import ACROSS
from dltui.tui.draw.styled_text import Row
from dltui.tui.run_page.curves.curves import curves_of, empty_chart, extent, names

if TYPE_CHECKING:
    from dltui.tui.base.overlays import Overlaid
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.curves.curve_view import CurveView
    from dltui.tui.run_page.view import RunView

# Less says nothing.
LEAST_WIDTH, LEAST_HEIGHT = 38, 10
AXIS = "│┤|"
"""The letters of the vertical axis."""
# Cells are twice as high as wide: a chart looks best at this many columns to a row.
SHAPE = 3.3


def layout(count: int, width: int, height: int) -> tuple[int, int]:
    """The number of columns and rows of charts, for all of them if possible, in the best shape for curves."""
    across, down = max(width // LEAST_WIDTH, 1), max(height // LEAST_HEIGHT, 1)
    if across * down <= count:
        return across, down
    fitting = [(-(-count // rows), rows) for rows in range(1, min(down, count) + 1) if -(-count // rows) <= across]

    def oddness(shape: tuple[int, int]) -> float:
        columns, rows = shape
        empty = columns * rows - count
        return abs(math.log(width / columns / (height / rows) / SHAPE)) + 0.3 * empty

    return min(fitting, key=oddness)


def visible(curve_view: CurveView, count: int, width: int, height: int) -> tuple[range, int]:
    """The visible charts, including the chosen chart, and how many stand in a row."""
    chosen = curve_view.chart % count
    if curve_view.alone:
        return range(chosen, chosen + 1), 1
    columns, rows = layout(count, width, height)
    room = min(columns * rows, count)
    first = min(chosen // room * room, count - room)
    return range(first, first + room), columns


def plot_width(curve_view: CurveView, count: int, width: int, height: int) -> int:
    """The width in cells of a chart between its axes."""
    _, columns = visible(curve_view, count, width, height)
    return max(width // columns - MARGIN - 2, 1)


def place_at(
    row: Row, curve_view: CurveView, count: int, size: tuple[int, int], x: int, y: int
) -> tuple[int, float] | None:
    """The number of the chart at a cell, and how far between its axes the cell lies; None outside of the axes. `row` is
    the row that is shown there.
    """
    width, height = size
    shown, columns = visible(curve_view, count, width, height)
    lines = -(-len(shown) // columns)
    line, column = min(y * lines // max(height, 1), lines - 1), min(x * columns // max(width, 1), columns - 1)
    place = line * columns + column
    if place >= len(shown):
        return None
    start, end = width * column // columns, width * (column + 1) // columns
    text = "".join(text for text, _ in row)
    axis = next((at for at in range(start, min(x, len(text))) if text[at] in AXIS), None)
    if axis is None:
        return None
    room = end - axis - (1 if curve_view.alone else 2)
    return shown[place], min(max((x - axis - 0.5) / max(room, 1), 0.0), 1.0)


def moment(view: RunView | None, curve_view: CurveView, width: int, height: int) -> tuple[object, ...]:
    """A value that stays equal as long as the charts need not be drawn again: until a quarter of a dot would be added,
    a second has passed, or more than steps has happened.
    """
    if view is None or view.history.attempt is None:
        return (view.content if view else None,)
    history = view.history
    first, last = curve_view.shown(extent(view))
    dots = ACROSS * plot_width(curve_view, len(names(view, curve_view.more)), width, height)
    quarters = int(4 * dots * history.step / max(last - first, 1e-9))
    return (first, last, quarters, int(history.last_time), history.happened, view.summary.status)


def chart_grid(
    view: RunView | None, curve_view: CurveView, others: tuple[Overlaid, ...], width: int, height: int, look: Look
) -> list[Row]:
    """Draw the grid in `height` rows of `width` cells."""
    all_names = names(view, curve_view.more)
    shown, columns = visible(curve_view, len(all_names), width, height)
    begun = view is not None and view.history.attempt is not None
    curves = curves_of(view, curve_view, others) if begun and view is not None else None
    lines = -(-len(shown) // columns)
    result: list[Row] = []
    for line in range(lines):
        here = shown[line * columns : (line + 1) * columns]
        size = height * (line + 1) // lines - height * line // lines
        blocks: list[list[Row]] = []
        for column, number in enumerate(here):
            room = width * (column + 1) // columns - width * column // columns
            name = all_names[number]
            chosen = len(all_names) > 1 and not curve_view.alone and number == curve_view.chart % len(all_names)
            chart = curves.chart(name, chosen) if curves is not None else empty_chart(view, name, chosen)
            if curve_view.alone:
                blocks.append(draw(chart, room, size, look)[:size])
            else:
                blocks.append([[*row, (" ", "")] for row in draw(chart, room - 1, size, look)[:size]])
        # Each row of a chart has its full width.
        rest: Row = [(" " * (width - width * len(here) // columns), "")] if len(here) < columns else []
        result += [[*chain(*parts, rest)] for parts in zip(*blocks, strict=True)]
    return result
