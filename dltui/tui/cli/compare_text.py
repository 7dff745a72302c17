"""A comparison as rows of styled text and as JSON: pure functions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from dltui.core.compare import said
from dltui.core.text import clean_line, shorten, width
from dltui.tui.cli import numbers
from dltui.tui.cli.terminal import can_show, terminal_output
from dltui.tui.ink import beside, left, right

if TYPE_CHECKING:
    from dltui.core.compare import Comparison, Entry
    from dltui.tui.ink import Row
    from dltui.tui.widgets.series import Chart

INKS = {
    "run0": "blue", "run1": "yellow", "run2": "green", "run3": "magenta", "run4": "cyan", "run5": "red",
    "heading": "bold", "dim": "dim", "faint": "dim", "rule": "dim", "best": "bold",
}  # fmt: skip
Ink = tuple[str, str]
"""Style word and mark of a run."""
MARKS = "●◆■▲▼★"
LETTERS = "abcdefghijkl"
WIDEST, LONGEST_CELL = 140, 28
CHART_ROWS = 14


def lines(found: Comparison, columns: int | None = None) -> list[Row]:
    """A column a run: results and settings that differ; then curves, and what to be careful about."""
    columns = min(columns or shutil.get_terminal_size((100, 24)).columns, WIDEST)
    rows: list[Row] = [[(_heading(found), "heading")]]
    inks = [(style(place), mark(place)) for place in range(len(found.entries))]
    parts = blocks(found, columns, inks)
    for block in parts:
        rows += [[], *block]
    marked = any(text.endswith("*") for block in parts for row in block for text, _ in row)
    rows.append([("* the best of its row", "dim")] if marked else [])
    rows += [[], *_charts(found, columns)] if any(entry.best for entry in found.entries) else []
    return rows + [[(f"note: {note}", "dim")] for note in found.notes]


def style(place: int) -> str:
    """The word of a run's colour."""
    return f"run{place % 6}"


def mark(place: int) -> str:
    """The sign of a run's curve: letters where there is nothing better."""
    return MARKS[place % len(MARKS)] if can_show(MARKS + "⣿┤") else LETTERS[place]


def _heading(found: Comparison) -> str:
    models = ", ".join(dict.fromkeys(entry.model for entry in found.entries))
    return f"{models} on {', '.join(dict.fromkeys(entry.dataset for entry in found.entries))}"


def _results(found: Comparison) -> list[list[str]]:
    """What came of the runs; the best of each row is marked."""
    goal = "" if found.goal is None else numbers.metric(found.metric, found.goal)
    names = ("status", "best epoch", "parameters", "training time")
    plain = dict(zip(names, zip(*map(partial(_facts, found), found.entries), strict=True), strict=True))
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


def _facts(found: Comparison, entry: Entry) -> tuple[str, str, str, str]:
    epochs = len(entry.curves[found.metric])
    at = f"{entry.best.epoch} of {epochs}" if entry.best else "-"
    parameters = "-" if entry.parameters is None else f"{entry.parameters:,}"
    return entry.status, at, parameters, numbers.duration(entry.train_seconds)


def _marked(found: Comparison, values: list[float | None], mode: str, text: Callable[[float], str]) -> list[str]:
    leaders = found.leaders(values, mode)
    cells = ["-" if value is None else text(value) for value in values]
    return [f"{cell} *" if place in leaders else cell for place, cell in enumerate(cells)]


def _settings(found: Comparison) -> list[list[str]]:
    return [[name, *(clean_line(said(value)) for value in values)] for name, values in found.differences.items()]


def blocks(found: Comparison, columns: int, inks: Sequence[Ink]) -> list[list[Row]]:
    """The table with as many runs beside one another as fit, each with its style and mark."""
    table = [*_results(found), *_settings(found)]
    side = max((width(row[0]) for row in table), default=0)
    heads = [
        f"{sign} {shorten(entry.name, LONGEST_CELL)}" for (_, sign), entry in zip(inks, found.entries, strict=True)
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
        parts.append(_block(table, cells, (heads, sizes, side), range(start, end), inks))
        start = end
    return parts


def _block(
    table: list[list[str]],
    cells: list[list[str]],
    heads: tuple[list[str], list[int], int],
    places: range,
    inks: Sequence[Ink],
) -> list[Row]:
    names, sizes, side = heads
    top: Row = [(" " * side, "")]
    for place in places:
        top += [(" " * (1 + sizes[place] - 2 - width(names[place])), ""), (names[place], inks[place][0]), ("  ", "")]
    rows: list[Row] = [top]
    for line, texts in zip(table, cells, strict=True):
        row: Row = [(left(line[0], side), "dim")]
        for place in places:
            best = "best" if texts[place].endswith("*") else ""
            row.append((" " + right(texts[place], sizes[place]), best))
        rows.append(row)
    return rows


def _charts(found: Comparison, columns: int) -> list[Row]:
    """One chart, or accuracy and loss beside one another where there is room for both."""
    from dltui.tui.terminal import Look
    from dltui.tui.widgets.chart import draw

    look = Look(ascii=not can_show(MARKS + "⣿┤"), mono=not terminal_output())
    inks = [(style(place), mark(place)) for place in range(len(found.entries))]
    charts = [chart(found, name, inks) for name in dict.fromkeys((found.metric, "loss"))]
    if len(charts) == 1 or columns < 90:
        return [row for one in charts for row in draw(one, columns - 1, CHART_ROWS, look)]
    half = (columns - 1) // 2
    return beside([(draw(one, half - 1, CHART_ROWS, look), half) for one in charts], CHART_ROWS)


def chart(found: Comparison, metric: str, inks: Sequence[Ink]) -> Chart:
    """The validation curves of all runs, each with its style and mark."""
    from dltui.tui.widgets.series import Chart, Series

    factor = 100.0 if metric == "accuracy" else 1.0
    series, end = [], 1
    for (ink, sign), entry in zip(inks, found.entries, strict=True):
        points = entry.curves.get(metric, ())
        end = max(end, *(point.epoch for point in points), 1)
        x, y = [float(point.epoch) for point in points], [point.value * factor for point in points]
        # The table above says which sign is whose; a chart has no room for long names.
        series.append(Series(shorten(entry.name, 14), x, y, ink, sign))
    title = "validation accuracy %" if metric == "accuracy" else f"validation {metric}"
    return Chart(title, tuple(series), float(end), ceiling=100.0 if factor == 100.0 else None)


def as_object(found: Comparison) -> dict[str, Any]:
    """The comparison as `--json` shows it."""
    runs = []
    for entry in found.entries:
        record = asdict(entry)
        curves = record.pop("curves")
        runs.append({**record, "epochs": len(curves[found.metric]), "command": list(entry.command)})
    epochs: list[dict[str, Any]] = []
    names: Sequence[str] = [*dict.fromkeys((found.metric, "loss"))]
    for epoch, _ in found.aligned(found.metric):
        aligned = {name: dict(found.aligned(name)).get(epoch, [None] * len(runs)) for name in names}
        epochs.append({"epoch": epoch, **aligned})
    winner = found.winner
    return {
        "metric": found.metric,
        "mode": found.mode,
        "goal": found.goal,
        "winner": None if winner is None else found.entries[winner].id,
        "runs": runs,
        "differences": {name: list(values) for name, values in found.differences.items()},
        "epochs": epochs,
        "notes": list(found.notes),
    }
