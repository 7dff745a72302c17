"""The Classes tab: number of images, precision, recall and F1 of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw.styled_text import Row, fit, left, on, right
from dltui.tui.run_page.compact.columns import Columns, columns, percent, row_of_class
from dltui.tui.run_page.inside.confusion import where
from dltui.tui.run_page.inside.cursor import CLASS_ORDERS

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix, Score
    from dltui.tui.run_page.inside.cursor import ClassCursor

NAME, NUMBER = 18, 11
TITLES = ("images", "precision", "recall", "F1")
IMPORTANT = (2, 1, 3, 0)
"""The places of the columns, the most important first."""
SORTED = (3, 2, 4, 1, 0)
"""The column that each order follows."""


def classes(matrix: Matrix | None, state: ClassCursor, width: int, height: int, note: str) -> list[Row]:
    """A row per class, with a cursor; the column of the sort order is marked."""
    if matrix is None:
        return [[], [(f"  {note}", "dim")]]
    by = SORTED[state.order]
    layout = columns(width, NAME, NUMBER, [by - 1, *IMPORTANT] if by else IMPORTANT)
    header: Row = [("   ", ""), (left("CLASS", layout.name), "dim" if by else "bold")]
    header += [(right(TITLES[at], NUMBER), "bold" if at == by - 1 else "dim") for at in layout.shown]
    rows: list[Row] = [
        [(" classes ", "heading"), (f" {where(matrix)}, {CLASS_ORDERS[state.order]}", "")],
        header,
    ]
    scores, room = state.scores(matrix), max(1, height - 2)
    at = min(state.at, len(scores) - 1)
    first = min(max(at - room // 2, 0), max(len(scores) - room, 0))
    for number, score in enumerate(scores[first : first + room], first):
        row = fit(_row(score, layout, width, number == at), width)
        rows.append(on(row, "selected") if number == at else row)
    return [fit(row, width) for row in rows]


def _row(score: Score, layout: Columns, width: int, chosen: bool) -> Row:
    cells = (
        (f"{score.true:,}", "dim"),
        (percent(score.precision), ""),
        (percent(score.recall), "bold"),
        (percent(score.f1), ""),
    )
    return row_of_class(score.name, cells, score.recall, layout, NUMBER, width, chosen)
