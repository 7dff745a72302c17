"""Figure: runs side by side, by epoch, by training time, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, MaxNLocator

from dltui.core.numbers import duration
from dltui.core.tasks import registry
from dltui.core.text import plural
from dltui.exports.figures import style
from dltui.exports.figures.axes import metric_axis, whole_numbers
from dltui.exports.wording import decimal_percent, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.comparison import Comparison, Entry

# Okabe and Ito's palette, then again with another line: told apart in every kind of color vision.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LINES: tuple[Any, ...] = ("solid", (0, (4, 1.6)))
MARKERS = ("o", "s", "^", "D", "v", "P")
MANY_EPOCHS = 40
PLOTS = 2.35
"""Inches of the two panels with their axes."""
LINE = 0.2
# Right edges of the table's columns in inches; the first one is flush left at LABEL.
LABEL = 0.48
VALIDATION, EPOCH, TEST, PARAMETERS, SPEED, GOAL = 3.15, 3.75, 4.5, 5.4, 6.15, 7.04


def draw_comparison(found: Comparison) -> Figure:
    figure = style.page(0.62 + PLOTS + 0.2 + LINE * (len(found.entries) + 1) + 0.06)
    top = style.heading(figure, _title(found), _subtitle(found))
    left, gap = 0.55, 0.62
    width = (style.WIDTH - left - style.MARGIN - gap) / 2
    bottom = top - PLOTS
    for place, panel in enumerate((_by_epoch, _by_time)):
        axes = style.place(figure, left + place * (width + gap), bottom + 0.45, width, PLOTS - 0.75)
        panel(axes, found)
    _table(style.sheet(figure), found, bottom - 0.14)
    return figure


def _title(found: Comparison) -> str:
    models = ", ".join(dict.fromkeys(entry.model for entry in found.entries))
    datasets = ", ".join(dict.fromkeys(entry.dataset for entry in found.entries))
    return f"{models} on {datasets}"


def _subtitle(found: Comparison) -> str:
    winner = found.winner
    runs = plural(len(found.entries), "run")
    if winner is None:
        return runs
    entry = found.entries[winner]
    value = _shown(found, entry.best.value if entry.best else None)
    return f"{runs}; best on the validation split: {entry.label}, {found.metric} {value}"


def _shown(found: Comparison, value: float | None) -> str:
    if value is None:
        return "–"
    return decimal_percent(value) if found.metric.endswith("accuracy") else number(value)


def _look(place: int, points: int) -> dict[str, Any]:
    return {
        "color": COLORS[place % len(COLORS)],
        "linestyle": LINES[place // len(COLORS) % len(LINES)],
        "linewidth": 1.4,
        "marker": MARKERS[place % len(MARKERS)],
        "markersize": 3.4 if points <= MANY_EPOCHS else 0.0,
        "markeredgewidth": 0.0,
    }


def _by_epoch(axes: Axes, found: Comparison) -> None:
    _panel(axes, found, "by epoch", "epoch")
    last = 1
    for place, entry in enumerate(found.entries):
        points = entry.curves[found.metric]
        last = max(last, *(point.epoch for point in points), 1)
        axes.plot([p.epoch for p in points], [p.value for p in points], **_look(place, len(points)))
    whole_numbers(axes, 1, last)


def _by_time(axes: Axes, found: Comparison) -> None:
    """Draw the curves by training time only: evaluation and waiting are no properties of a model."""
    longest = max((p.seconds for entry in found.entries for p in entry.curves[found.metric]), default=1.0) or 1.0
    unit, size = ("hours", 3600.0) if longest > 7200 else ("minutes", 60.0) if longest > 300 else ("seconds", 1.0)
    _panel(axes, found, "by training time", f"{unit} of training")
    for place, entry in enumerate(found.entries):
        points = entry.curves[found.metric]
        axes.plot([p.seconds / size for p in points], [p.value for p in points], **_look(place, len(points)))
    axes.set_xlim(0, longest / size * 1.04)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if found.goal is not None:
        axes.axhline(found.goal, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)


def _panel(axes: Axes, found: Comparison, title: str, x_name: str) -> None:
    axes.set_title(f"Validation {registry.phrase(found.metric)} {title}")
    axes.set_xlabel(x_name)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    metric_axis(axes, found.metric, [p.value for entry in found.entries for p in entry.curves[found.metric]])


def _table(axes: Axes, found: Comparison, top: float) -> None:
    goal = f"to {_shown(found, found.goal)}" if found.goal is not None else ""
    head = ["", "validation", "epoch", "test", "parameters", "samples/s", goal]
    _line(axes, top, head, style.MUTED)
    axes.plot([style.MARGIN, style.WIDTH - style.MARGIN], [top - 0.12] * 2, color=style.INK, linewidth=0.8)
    labels = style.fit_all([entry.label for entry in found.entries], VALIDATION - LABEL - 0.75, style.SMALL)
    for place, entry in enumerate(found.entries):
        y = top - LINE * (place + 1) - 0.04
        axes.plot([style.MARGIN, (style.MARGIN + LABEL - 0.06) / 2, LABEL - 0.06], [y] * 3, **_swatch(place))
        _line(axes, y, [labels[place], *_facts(found, entry)], style.INK, place == found.winner)


def _swatch(place: int) -> dict[str, Any]:
    return {**_look(place, 1), "markevery": [1]}


def _facts(found: Comparison, entry: Entry) -> list[str]:
    best, reached = entry.best, entry.reached
    return [
        _shown(found, best.value if best else None),
        str(best.epoch) if best else "–",
        _shown(found, entry.test.get(found.metric)),
        "–" if entry.parameters is None else f"{entry.parameters:,}",
        "–" if entry.samples_per_second is None else f"{entry.samples_per_second:,.0f}",
        "" if found.goal is None else (duration(reached.seconds) if reached else "never" if best else "–"),
    ]


def _line(axes: Axes, y: float, cells: Sequence[str], color: str, bold: bool = False) -> None:
    places = (LABEL, VALIDATION, EPOCH, TEST, PARAMETERS, SPEED, GOAL)
    for place, (text, x) in enumerate(zip(cells, places, strict=True)):
        axes.text(
            x, y, text, ha="right" if place else "left", va="center_baseline", color=color, fontsize=style.SMALL,
            fontweight="bold" if bold else "normal",
        )  # fmt: skip
