"""A comparison of runs as rows of text: results, settings, curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from dltui.core import numbers
from dltui.core.analysis.groups import spread
from dltui.core.text import clean_line, plural, shorten, width
from dltui.tui.draw import wording
from dltui.tui.draw.styled_text import left, right

if TYPE_CHECKING:
    from dltui.core.analysis.comparison import Comparison, Entry
    from dltui.tui.draw.chart_data import Chart
    from dltui.tui.draw.styled_text import Row


ColorAndMark = tuple[str, str]
"""Style word and mark of a run."""
LONGEST_CELL = 28


def _results(found: Comparison) -> list[list[str]]:
    """The table of the runs' results; the best value of each row is marked."""
    goal = "" if found.goal is None else numbers.metric(found.metric, found.goal)
    names = ("status", "best epoch", "parameters", "training time")
    plain = dict(zip(names, zip(*map(_facts, found.entries), strict=True), strict=True))
    bests = [entry.best.value if entry.best else None for entry in found.entries]
    tests = [entry.test.get(found.metric) for entry in found.entries]
    speeds = [entry.samples_per_second for entry in found.entries]
    times = [entry.reached.seconds if entry.reached else None for entry in found.entries]
    metric = partial(numbers.metric, found.metric)
    rows = [
        ["status", *plain["status"]],
        [f"validation {found.metric}", *_marked(found, bests, found.mode, metric)],
        ["  at epoch", *plain["best epoch"]],
        [f"test {found.metric}", *_marked(found, tests, found.mode, metric)],
        ["samples/s", *_marked(found, speeds, "max", numbers.count)],
        ["training time", *plain["training time"]],
        [f"  to {goal}", *_marked(found, times, "min", numbers.duration)],
        ["parameters", *plain["parameters"]],
    ]
    return [row for row in rows if row[0].strip() != "to" and (row[0] != "status" or len(set(row)) > 2)]


def _facts(entry: Entry) -> tuple[str, str, str, str]:
    at = f"{entry.best.epoch} of {entry.epochs}" if entry.best else "-"
    parameters = "-" if entry.parameters is None else f"{entry.parameters:,}"
    return entry.status, at, parameters, numbers.duration(entry.train_seconds)


def _marked(found: Comparison, values: list[float | None], mode: str, text: Callable[[float], str]) -> list[str]:
    leaders = found.leaders(values, mode)
    cells = ["-" if value is None else text(value) for value in values]
    return [f"{cell} *" if place in leaders else cell for place, cell in enumerate(cells)]


def _settings(found: Comparison) -> list[list[str]]:
    return [
        [name, *(clean_line(numbers.rounded(value)) for value in values)] for name, values in found.differences.items()
    ]


def series(found: Comparison) -> list[str]:
    """A line for each series of seeds: `lab: 3 seeds, validation accuracy 91.44 ±0.80 %, test 91.20 ±0.75 %`."""
    members: dict[str, list[Entry]] = {}
    for entry in found.entries:
        members.setdefault(entry.group, []).append(entry)
    lines = []
    for group, entries in members.items():
        best = spread(entry.best.value if entry.best else None for entry in entries)
        test = spread(entry.test.get(found.metric) for entry in entries)
        if group and len(entries) > 1 and best is not None:
            line = f"{group}: {plural(len(entries), 'seed')}, validation {found.metric} "
            line += wording.spread(found.metric, best)
            lines.append(line + (f", test {wording.spread(found.metric, test)}" if test else ""))
    return lines


def blocks(found: Comparison, columns: int, run_colors: Sequence[ColorAndMark]) -> list[list[Row]]:
    """The table with as many runs side by side as fit, each with its style and mark."""
    table = [*_results(found), *_settings(found)]
    side = max((width(row[0]) for row in table), default=0)
    heads = [
        f"{sign} {shorten(entry.name, LONGEST_CELL)}"
        for (_, sign), entry in zip(run_colors, found.entries, strict=True)
    ]
    cells = [[shorten(cell, LONGEST_CELL) for cell in row[1:]] for row in table]
    # The mark of the best stands apart, so that the numbers stay in line.
    cells = [[cell if cell.endswith(" *") else f"{cell}  " for cell in row] for row in cells]
    sizes = [
        max(width(text) for text in column) for column in zip([f"{head}  " for head in heads], *cells, strict=True)
    ]
    parts, start = [], 0
    while start < len(heads):
        end = start + 1
        while end < len(heads) and side + sum(sizes[start : end + 1]) + end + 1 - start <= columns:
            end += 1
        parts.append(_block(table, cells, (heads, sizes, side), range(start, end), run_colors))
        start = end
    return parts


def _block(
    table: list[list[str]],
    cells: list[list[str]],
    heads: tuple[list[str], list[int], int],
    places: range,
    run_colors: Sequence[ColorAndMark],
) -> list[Row]:
    names, sizes, side = heads
    top: Row = [(" " * side, "")]
    for place in places:
        top += [
            (" " * (1 + sizes[place] - 2 - width(names[place])), ""),
            (names[place], run_colors[place][0]),
            ("  ", ""),
        ]
    rows: list[Row] = [top]
    for line, texts in zip(table, cells, strict=True):
        row: Row = [(left(line[0], side), "dim")]
        for place in places:
            best = "best" if texts[place].endswith("*") else ""
            row.append((" " + right(texts[place], sizes[place]), best))
        rows.append(row)
    return rows


def chart(found: Comparison, metric: str, run_colors: Sequence[ColorAndMark]) -> Chart:
    """The validation curves of all runs, each with its style and mark."""
    from dltui.tui.draw.chart_data import Chart, Series
    from dltui.tui.draw.run_charts.series import factor_of, title

    factor = factor_of(metric)
    series, end = [], 1
    for (run_color, sign), entry in zip(run_colors, found.entries, strict=True):
        points = entry.curves.get(metric, ())
        end = max(end, *(point.epoch for point in points), 1)
        x, y = [float(point.epoch) for point in points], [point.value * factor for point in points]
        # The table above says which sign is whose; a chart has no room for long names.
        series.append(Series(shorten(entry.name, 14), x, y, run_color, sign))
    return Chart(f"validation {title(metric)}", tuple(series), float(end), ceiling=100.0 if factor == 100.0 else None)
