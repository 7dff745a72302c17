"""The pictures of a sweep: the best value so far, parallel coordinates, importance, slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.trials import findings
from dltui.core.numbers import rounded
from dltui.core.text import safe
from dltui.core.text import width as cells_of
from dltui.tui.draw.styled_text import Look, Row, bar, beside, cut, fit, left, right
from dltui.tui.sweep_page import parallel
from dltui.tui.sweep_page.state import PICTURES

if TYPE_CHECKING:
    from dltui.core.analysis.trials.trial import Trial
    from dltui.tui.draw.chart_data import Chart
    from dltui.tui.sweep_page.state import SweepState

WIDE = 58
"""The least cells of a picture that has another one beside it."""
SLICE = 36


def draw(state: SweepState, width: int, height: int, look: Look) -> list[Row]:
    """The chosen picture, and those after it where there is room beside it."""
    if state.found is None or height < 3:
        return []
    count = min(max(width // WIDE, 1), len(PICTURES))
    room = (width - (count - 1)) // count
    parts = []
    for place in range(count):
        number = (state.picture + place) % len(PICTURES)
        parts.append((picture(state, number, room, height, look), room))
    return beside(parts, height, ("│", "rule"))


def picture(state: SweepState, number: int, width: int, height: int, look: Look) -> list[Row]:
    """One picture, headed by its name."""
    draws = (_best_so_far, parallel.draw, _importance, _slices)
    return draws[number](state, width, height, look)


def _best_so_far(state: SweepState, width: int, height: int, look: Look) -> list[Row]:
    from dltui.tui.draw.chart import draw as draw_chart
    from dltui.tui.draw.chart_data import Chart, Series
    from dltui.tui.draw.run_charts.series import factor_of

    assert state.found is not None
    name = state.axis_name(len(state.space))
    factor = factor_of(name)
    points = findings.best_so_far(state.found.trials)
    x, y = _steps(points, factor, 4 * width)
    most = state.found.plan.most_epochs
    whole = "" if most is None else f", of {most:,}"
    chart = Chart(
        f"best {safe(name)}{' %' if factor > 1 else ''} by epochs spent{whole}",
        (Series("", x, y, "validation", "●", "straight"),),
        float(max(points[-1][0] if points else 1, 2)),
        note="no epoch yet",
        floor=None,
        ceiling=100.0 if factor > 1 else None,
    )
    return draw_chart(chart, width, height, look)


def _steps(points: list[tuple[int, float]], factor: float, count: int) -> tuple[list[float], list[float]]:
    """A staircase as so many points in a row: between two points a chart draws a slope."""
    if not points:
        return [], []
    first, last = points[0][0], points[-1][0]
    x = [first + (last - first) * place / count for place in range(count + 1)]
    y, at = [], 0
    for place in x:
        while at + 1 < len(points) and points[at + 1][0] <= place:
            at += 1
        y.append(points[at][1] * factor)
    return x, y


def _importance(state: SweepState, width: int, height: int, look: Look) -> list[Row]:
    assert state.found is not None
    found = findings.importance(state.space, state.found.trials)
    rows = [fit([(" importance", "heading"), ("  share of the variance of ranks", "dim")], width)]
    if not found:
        rows.append(fit([(f" {findings.LEAST_TRIALS} trials with a value tell more", "dim")], width))
        return rows
    size = min(max(cells_of(safe(name)) for name, _ in found) + 1, width // 3)
    for name, share in found[: height - 1]:
        row: Row = [(" " + left(cut(safe(name), size), size), ""), *bar(share, max(width - size - 9, 4))]
        rows.append(fit([*row, (right(f"{100 * share:.0f} %", 6), "bold")], width))
    return rows


def _slices(state: SweepState, width: int, height: int, look: Look) -> list[Row]:
    """The result over each hyperparameter: those that fit, beginning with the chosen one."""
    from dltui.tui.draw.chart import draw as draw_chart

    count = min(max(width // SLICE, 1), len(state.space))
    first = state.axis % len(state.space)
    room = (width - (count - 1)) // count
    parts = []
    for place in range(count):
        axis = (first + place) % len(state.space)
        parts.append(([*draw_chart(_slice(state, axis), room, height, look)[:-1], _ends(state, axis, room)], room))
    return beside(parts, height, (" ", ""))


def _slice(state: SweepState, axis: int) -> Chart:
    from dltui.tui.draw.chart_data import Chart, Series
    from dltui.tui.draw.run_charts.series import factor_of

    name, dimension = state.axis_name(len(state.space)), state.space[axis]
    factor = factor_of(name)
    groups: dict[str, list[tuple[float, float]]] = {"dim": [], "validation": [], "best bold": []}
    for one in state.ranked:
        place = state.place(axis, one)
        if place is not None and one.best is not None:
            groups[_style(state, one)].append((place, one.best * factor))
    marks = {"dim": "·", "validation": "●", "best bold": "★"}
    series = tuple(
        Series("", [x for x, _ in points], [y for _, y in points], style, marks[style], "dots")
        for style, points in groups.items()
        if points
    )
    title = f"{safe(name)}{' %' if factor > 1 else ''} by {safe(dimension.name)}"
    return Chart(title, series, 1.02, start=-0.02, epochs=False, x_name="", note="no value yet", floor=None)


def _style(state: SweepState, one: Trial) -> str:
    if one.run.id == state.selected:
        return "best bold"
    return "dim" if one.pruned else "validation"


def _ends(state: SweepState, axis: int, width: int) -> Row:
    """The values at both ends, in place of the places that the axis counts."""
    dimension = state.space[axis]
    low, high = (
        (dimension.values[0], dimension.values[-1]) if dimension.kind == "choice" else (dimension.low, dimension.high)
    )
    start, end = safe(rounded(low)), safe(rounded(high))
    middle = " log" if dimension.log else ""
    gap = max(width - 7 - len(start) - len(end) - len(middle), 1)
    return fit([(" " * 6 + start + middle + " " * gap + end, "dim")], width)
