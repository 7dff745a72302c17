"""The chart: a pure function from series and a size to rows of styled text, in braille or in ASCII."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from dltui.tui.draw.chart_data import Chart, Series
from dltui.tui.draw.plot import Plot, row_of
from dltui.tui.draw.scale import Scale, decade_ticks, epoch_ticks, labels, log_scale, ticks, whole_scale
from dltui.tui.draw.styled_text import Look, Row, cells, fit, merge, right

# A start far from everything after it would press the rest of the curve flat: the range is that of the rest.
START = 0.1
START_POINTS = 40
# The ends of the y axis fall on ticks of about this many parts.
BOUNDS = 6
# So that charts beside and above one another have their axes in line.
MARGIN = 5
# Where there are values, but none between the ends of the chart, or none that has a place on its axis.
NO_NUMBER = "no number to draw here"
# The curves of the run itself.
OWN = ("train", "validation")


def draw(chart: Chart, width: int, height: int, look: Look) -> list[Row]:
    """Draw a chart in `height` rows of `width` cells: title, plot, x axis, x labels."""
    rows = height - 3
    if rows < 2 or width < 16:
        return [fit([(f" {chart.title}", "heading")], width)] + [fit([], width)] * (height - 1)
    scale = y_scale(chart)
    if scale is None:
        return _nothing(chart, width, height, look)
    margin, sides, ruled = _y_axis(scale, rows)
    plot = Plot(chart, scale, width - margin - 1, rows, look)
    body: list[Row] = [[*side, *line] for side, line in zip(sides, plot.rows(ruled), strict=True)]
    return [title(chart, width, look), *body, *_x_axis(chart, margin, width - margin - 1)]


@lru_cache(maxsize=64)
def _y_axis(scale: Scale, rows: int) -> tuple[int, list[Row], list[int]]:
    """The width of the labels, labels and axis of each row, and the rows with a tick."""
    steps = ticks(scale, max(2, rows // 3))
    texts = labels(steps)
    margin = max(MARGIN, max((len(text) for text in texts), default=0) + 1)
    names = {row_of(scale, value, rows): text for value, text in zip(steps, texts, strict=True)}
    named: dict[int, Row] = {
        row: [(right(text, margin - 1) + " ", "dim"), ("┤", "faint")] for row, text in names.items()
    }
    other: Row = [(" " * margin, "dim"), ("│", "faint")]
    return margin, [named.get(row, other) for row in range(rows)], sorted(named)


def y_scale(chart: Chart) -> Scale | None:
    """The range of everything that is shown, apart from a steep start; None when there is nothing."""
    found = [ends for series in chart.series if (ends := _ends(chart, series)) is not None]
    if not found:
        return None
    low, high = min(low for low, _ in found), max(high for _, high in found)
    if chart.log:
        return log_scale(low, high)
    return whole_scale(low, high, BOUNDS, chart.floor, chart.ceiling)


def _ends(chart: Chart, series: Series) -> tuple[float, float] | None:
    """The least and greatest value of a series between the ends of the chart."""
    import numpy as np

    x, shown = np.asarray(series.x, dtype=np.float64), slice(None)
    if series.form not in ("dots", "straight"):
        first, last = x.searchsorted((chart.start, chart.end * (1 + 1e-9))).tolist()
        if first == 0 and series.form == "raw" and last >= START_POINTS:
            first = int(last * START)
        shown = slice(first, last)
    lowest = _extreme(chart, (series.y if series.low is None else series.low), shown, least=True)
    highest = _extreme(chart, (series.y if series.high is None else series.high), shown, least=False)
    return None if lowest is None or highest is None else (lowest, highest)


def _extreme(chart: Chart, values: Sequence[float], shown: slice, least: bool) -> float | None:
    """The least or greatest of the values that are shown."""
    import numpy as np

    known = np.asarray(values, dtype=np.float64)[shown]
    if chart.log:
        # A schedule may end at 0, which has no place on this axis.
        known = np.where(known > 0, known, np.nan)
    found = float((np.fmin if least else np.fmax).reduce(known, initial=np.inf if least else -np.inf))
    if math.isfinite(found):
        return found
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    return float(known.min() if least else known.max())


def title(chart: Chart, width: int, look: Look) -> Row:
    """The title row: the name at the left, the legend at the right; abbreviated or without the legend where it is
    narrow.
    """
    head: Row = [(f" {chart.title}", "heading accent" if chart.chosen else "heading")]
    legend: Row = []
    for brief in range(4):
        legend = _legend(chart, look, brief)
        if cells(head) + cells(legend) + 1 <= width:
            break
        legend = []
    return fit(head, width - cells(legend)) + legend


def _legend(chart: Chart, look: Look, brief: int) -> Row:
    """The mark of each series with its name, and with its value where the cursor is. `brief` 1 has short names, 2 the
    names of other runs only, 3 no names and fewer digits."""
    legend: Row = []
    for series in chart.series:
        told = value_at(series, chart.cursor, 4 if brief < 3 else 3) if chart.cursor is not None else ""
        name = _name(series.name, brief)
        if len(series.y) and series.name and (name or told):
            legend += [("  " if brief < 3 else " ", ""), (look.mark(series.mark), series.style)]
            legend += [(f" {text}", style) for text, style in ((name, "dim"), (told, "bold")) if text]
    if chart.best is not None and chart.cursor is None and brief < 2:
        legend += [("  ", ""), ("★", "best bold"), (f" {chart.best_name}", "dim")]
    return legend


def _name(name: str, brief: int) -> str:
    if brief == 1 and name == "validation":
        return "val"
    return "" if brief == 3 or (brief == 2 and name in OWN) else name


def value_at(series: Series, x: float, digits: int = 4) -> str:
    """The last value up to x; "-" before the first."""
    import numpy as np

    found = int(np.searchsorted(np.asarray(series.x, dtype=np.float64), x * (1 + 1e-9), side="right")) - 1
    if found < 0 or found >= len(series.y) or series.form == "dots":
        return "-"
    value = float(series.y[found])
    return f"{value:.{digits}g}" if math.isfinite(value) else "×"


def _nothing(chart: Chart, width: int, height: int, look: Look) -> list[Row]:
    rows: list[Row] = [title(chart, width, look)]
    room = width - MARGIN - 1
    note = NO_NUMBER if any(len(series.y) for series in chart.series) else chart.note
    for line in range(height - 3):
        text = note.center(room) if line == (height - 4) // 2 else ""
        rows.append(fit([(" " * MARGIN, ""), ("│", "faint"), (text, "dim")], width))
    return rows + _x_axis(chart, MARGIN, room)


def _x_axis(chart: Chart, margin: int, width: int) -> list[Row]:
    """The line with its ticks, and the labels under it."""
    cursor = () if chart.cursor is None else ((chart.cursor, "┴", "accent bold"),)
    signs = tuple(mark for mark in (*chart.marks, *cursor) if chart.start <= mark[0] <= chart.end)
    kind = "decades" if chart.decades else "epochs" if chart.epochs and not chart.start else ""
    return [*map(list, _axis_rows((chart.start, chart.end), kind, chart.x_name, signs, margin, width))]


@lru_cache(maxsize=64)
def _axis_rows(
    ends: tuple[float, float], kind: str, name: str, signs: tuple[tuple[float, str, str], ...], margin: int, width: int
) -> list[Row]:
    start, end = ends
    # Between equal ends everything stands at the start.
    span = (end - start) or 1.0
    if kind == "decades":
        values = decade_ticks(start, end, width)
    elif kind == "epochs":
        values = epoch_ticks(end, width)
    else:
        values = ticks(Scale(start, end), max(width // 12, 2))
    places = [min(int((value - start) / span * width), width - 1) for value in values]
    line, styles = ["─"] * width, ["faint"] * width
    for place in places:
        line[place] = "┬" if place else "─"
    for x, sign, style in signs:
        place = min(max(int((x - start) / span * width), 0), width - 1)
        line[place], styles[place] = sign, style
    axis: Row = [(" " * margin, ""), ("└", "faint"), *zip(line, styles, strict=True)]
    texts = [f"{10.0**value:g}".replace("e-0", "e-") for value in values] if kind == "decades" else labels(values)
    return [merge(axis), _x_labels(texts, places, margin + 1, width, name)]


def _x_labels(texts: list[str], places: list[int], margin: int, width: int, name: str) -> Row:
    """The numbers under their ticks, and the name of the axis in the widest gap between them."""
    letters = [" "] * (margin + width)
    gaps = []
    last = 0
    for text, place in zip(texts, places, strict=True):
        start = min(max(margin + place - len(text) // 2, last), len(letters) - len(text))
        if start < last:
            continue
        gaps.append((start - last, last))
        letters[start : start + len(text)] = text
        last = start + len(text) + 1
    gap, start = max(gaps[1:], default=(0, 0))
    if gap >= len(name) + 1:
        begin = start + (gap - 1 - len(name)) // 2
        letters[begin : begin + len(name)] = name
    return [("".join(letters), "dim")]
