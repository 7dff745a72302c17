"""The rows of the Compare page: the best run, the table, the overlaid curves; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core import numbers
from dltui.tui.draw import comparison
from dltui.tui.draw.chart import draw
from dltui.tui.draw.styled_text import Row, beside, cells, fit, left, right, rule

if TYPE_CHECKING:
    from dltui.core.analysis.comparison import Comparison
    from dltui.tui.draw.colors import RunColor
    from dltui.tui.draw.styled_text import Look

LEAST_SECONDS = 0.1
NARROW = 76
VALUE = 10
WIDE = 110
"""The width in cells from which two charts stand side by side."""


def verdict(found: Comparison, width: int) -> Row:
    """The row that names the best run, its lead, and the first run to reach the goal, where there is room for that."""
    metric = f"validation {found.metric}"
    if found.winner is None:
        row: Row = [(f" no winner in {metric}", "bold")]
    else:
        best = found.entries[found.winner]
        assert best.best is not None
        value, epoch = numbers.metric(found.metric, best.best.value), best.best.epoch
        tails = (f"{metric} {value} at epoch {epoch}", f"{found.metric} {value} (epoch {epoch})", f"{value} ({epoch})")
        name: Row = [(f" {best.name}", "good bold")]
        rows = ([*name, (f" is best: {tail}", "")] for tail in tails)
        row = next((row for row in rows if cells(row) <= width), [*name, (f" is best: {value}", "")])
    times = [entry.reached.seconds if entry.reached else None for entry in found.entries]
    first = found.leaders(times, "min")
    if found.goal is not None and len(first) == 1:
        entry = found.entries[min(first)]
        assert entry.reached is not None
        goal, after = numbers.metric(found.metric, found.goal), numbers.duration(entry.reached.seconds)
        longer: Row = [*row, (f"   first at {goal}, which all reached: ", "dim"), (entry.name, "bold")]
        longer.append((f" after {after}", ""))
        # Of runs that were there at once nothing is to be said.
        return longer if cells(longer) <= width and entry.reached.seconds >= LEAST_SECONDS else row
    return row


def twins(found: Comparison) -> str:
    """A line for two runs of the same model in two frameworks; "" where they are no twins."""
    if len(found.entries) != 2 or len({entry.framework for entry in found.entries}) != 2:
        return ""
    differ = set(found.differences) - {"model", "device"}
    names = {entry.model.removesuffix(f"-{entry.framework}") for entry in found.entries}
    return "twins: one model in two frameworks, the same settings" if len(names) == 1 and not differ else ""


def table(found: Comparison, run_colors: Sequence[RunColor], width: int) -> list[Row]:
    """The results with the best of each row marked, then the settings that differ, then the caveats. Where runs have no
    room beside one another, a list of them comes first.
    """
    blocks = comparison.blocks(found, width - 2, [(run_color.style, run_color.mark) for run_color in run_colors])
    rows: list[Row] = ranking(found, run_colors, width) if width < NARROW and len(blocks) > 1 else []
    for block in blocks:
        rows += [[(" ", ""), *row] for row in block]
    rows += [[(f" {line}", "bold")] for line in comparison.series(found)]
    if not found.differences:
        rows.append([(" no setting differs", "dim")])
    notes = [note for note in (twins(found), *found.notes) if note]
    rows += [[(f" {note}", "warn" if note in found.notes else "good")] for note in notes]
    return [fit(row, width) for row in rows]


def ranking(found: Comparison, run_colors: Sequence[RunColor], width: int) -> list[Row]:
    """A row for each run, the best first: its best value and its test result."""
    sign = -1.0 if found.mode == "max" else 1.0

    def merit(place: int) -> float:
        best = found.entries[place].best
        return math.inf if best is None else sign * best.value

    room = max(width - 2 * VALUE - 4, 8)
    rows: list[Row] = [[("   " + left("RUN", room) + right("BEST", VALUE) + right("TEST", VALUE), "dim")]]
    for place in sorted(range(len(found.entries)), key=merit):
        entry, run_color = found.entries[place], run_colors[place]
        values = (entry.best.value if entry.best else None, entry.test.get(found.metric))
        texts = ["-" if value is None else numbers.metric(found.metric, value) for value in values]
        row: Row = [(f" {run_color.mark} ", run_color.style), (left(entry.name, room), "")]
        row += [(right(texts[0], VALUE), "best" if place == found.winner else ""), (right(texts[1], VALUE), "")]
        rows.append(row)
    return [fit(row, width) for row in [*rows, []]]


def charts(
    found: Comparison, run_colors: Sequence[RunColor], metric: str, width: int, height: int, look: Look
) -> list[Row]:
    """The curves of one metric; of all metrics where there is room."""
    pairs = [(run_color.style, run_color.mark) for run_color in run_colors]
    names = metrics(found)
    shown = names if width >= WIDE else [metric]
    size = width // len(shown)
    blocks = [(draw(comparison.chart(found, name, pairs), size - 1, height, look), size) for name in shown]
    return [fit(row, width) for row in beside(blocks, height)]


def metrics(found: Comparison) -> list[str]:
    """The metrics that have curves."""
    return list(dict.fromkeys((found.metric, "loss")))


def divider(found: Comparison, width: int, hidden: tuple[int, int]) -> list[Row]:
    """The line above the table; `hidden` are the numbers of its lines above and below the visible part."""
    more = [f"{count} {sign}" for count, sign in zip(hidden, "↑↓", strict=True) if count]
    end = f"; more lines: {' '.join(more)}" if more else ""
    titles = (f"{len(found.entries)} runs, * is the best of its row", "* is the best of its row", "* is best")
    return [rule(width, next((title + end for title in titles if len(title + end) <= width - 6), titles[-1] + end))]
