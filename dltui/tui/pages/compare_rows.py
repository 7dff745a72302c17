"""The rows of the Compare page: the best run, the table, the overlaid curves; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core import numbers
from dltui.tui.draw import comparison
from dltui.tui.draw.chart import draw
from dltui.tui.draw.styled_text import Row, beside, cells, fit, rule

if TYPE_CHECKING:
    from dltui.core.analysis.comparison import Comparison
    from dltui.tui.draw.colors import RunInk
    from dltui.tui.draw.styled_text import Look

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
        value = numbers.metric(found.metric, best.best.value)
        row = [(f" {best.name}", "good bold"), (f" is best: {metric} {value} at epoch {best.best.epoch}", "")]
    times = [entry.reached.seconds if entry.reached else None for entry in found.entries]
    first = found.leaders(times, "min")
    if found.goal is not None and len(first) == 1:
        entry = found.entries[min(first)]
        assert entry.reached is not None
        at = f"{numbers.metric(found.metric, found.goal)} in {numbers.duration(entry.reached.seconds)}"
        longer: Row = [*row, ("   first at the goal: ", "dim"), (entry.name, "bold"), (f" {at}", "")]
        return longer if cells(longer) <= width else row
    return row


def twins(found: Comparison) -> str:
    """A line for two runs of the same model in two frameworks; "" where they are no twins."""
    if len(found.entries) != 2 or len({entry.framework for entry in found.entries}) != 2:
        return ""
    differ = set(found.differences) - {"model", "device"}
    names = {entry.model.removesuffix(f"-{entry.framework}") for entry in found.entries}
    return "twins: one model in two frameworks, the same settings" if len(names) == 1 and not differ else ""


def table(found: Comparison, inks: Sequence[RunInk], width: int) -> list[Row]:
    """The results with the best of each row marked, then the settings that differ, then the caveats."""
    rows: list[Row] = []
    for block in comparison.blocks(found, width - 2, [(ink.style, ink.mark) for ink in inks]):
        rows += [[(" ", ""), *row] for row in block]
    if not found.differences:
        rows.append([(" no setting differs", "dim")])
    notes = [note for note in (twins(found), *found.notes) if note]
    rows += [[(f" {note}", "warn" if note in found.notes else "good")] for note in notes]
    return [fit(row, width) for row in rows]


def charts(found: Comparison, inks: Sequence[RunInk], metric: str, width: int, height: int, look: Look) -> list[Row]:
    """The curves of one metric; of all metrics where there is room."""
    pairs = [(ink.style, ink.mark) for ink in inks]
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
    title = f"{len(found.entries)} runs, * is the best of its row"
    more = [f"{count} {sign}" for count, sign in zip(hidden, "↑↓", strict=True) if count]
    return [rule(width, title + (f"; more lines: {' '.join(more)}" if more else ""))]
