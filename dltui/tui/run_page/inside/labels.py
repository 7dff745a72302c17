"""The labels of a multi-label run: their table, the precision-recall curve of one, and the samples that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw.chart import draw
from dltui.tui.draw.chart_data import Chart, Series
from dltui.tui.draw.picture import picture
from dltui.tui.draw.styled_text import Row, beside, cut, fit, left, on, right, window
from dltui.tui.draw.wording import probability
from dltui.tui.run_page.compact.columns import Columns, columns, percent
from dltui.tui.run_page.inside.nothing import why_none

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dltui.core.analysis.labels import Labels, Score, Wrong
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.inside.heat import Heat
    from dltui.tui.run_page.view import RunView

NAME, NUMBER = 18, 11
HEADS = ("samples", "avg prec", "precision", "recall", "F1", "threshold", "F1 there")
IMPORTANT = (1, 4, 2, 3, 0, 5, 6)
"""The places of the columns, the most important first."""
IMAGE = 28
"""The cells of the image of a wrong sample."""


class LabelCursor:
    """The chosen row of a list."""

    def __init__(self) -> None:
        self.at = 0

    def move(self, by: int, rows: int) -> None:
        self.at = min(max(self.at + by, 0), max(rows - 1, 0))


def of_labels(view: RunView, rows: Callable[[Labels], list[Row]]) -> list[Row]:
    """The rows that are made of the labels; a line that says when there will be some otherwise."""
    if view.labels is None:
        return [[], [(f"  {why_none(view, 'after the first epoch')}", "dim")]]
    return rows(view.labels)


def table(found: Labels, cursor: LabelCursor, width: int, height: int) -> list[Row]:
    """A row per label: how well it is found, and the threshold with the best F1."""
    layout = columns(width, NAME, NUMBER, IMPORTANT)
    told = f" {found.split}, epoch {found.epoch}"
    chosen_on = f"; thresholds chosen on {found.chosen_on}"
    rows: list[Row] = [
        [(" labels ", "heading"), (told + chosen_on * (len(told + chosen_on) + 8 <= width), "")],
        [("   ", ""), (left("LABEL", layout.name), "dim"), *((right(HEADS[at], NUMBER), "dim") for at in layout.shown)],
    ]
    for number in window(len(found.scores), cursor.at, max(height - 2, 1)):
        chosen = number == cursor.at
        row = fit(_row(found.scores[number], layout, chosen), width)
        rows.append(on(row, "selected") if chosen else row)
    return [fit(row, width) for row in rows]


def _row(score: Score, layout: Columns, chosen: bool) -> Row:
    cells = (
        (right(f"{score.samples:,}", NUMBER), "dim"),
        (right(_number(score.average_precision), NUMBER), "bold"),
        (right(percent(score.precision), NUMBER), ""),
        (right(percent(score.recall), NUMBER), ""),
        (right(percent(score.f1), NUMBER), ""),
        (right(_number(score.threshold), NUMBER), "dim"),
        (right(percent(score.best_f1), NUMBER), ""),
    )
    name = (left(score.name, layout.name), "bold" if chosen else "")
    return [(" › " if chosen else "   ", "accent bold"), name, *(cells[at] for at in layout.shown)]


def precision_recall(found: Labels, cursor: LabelCursor, width: int, height: int, look: Look) -> list[Row]:
    """The precision-recall curve of the chosen label."""
    score = found.scores[min(cursor.at, len(found.scores) - 1)]
    recalls, precisions = found.curve(score.number)
    # Of each recall the highest precision: a column of a chart has room for one.
    first = [not at or recalls[at] > recalls[at - 1] for at in range(len(recalls))]
    recalls, precisions = recalls[first], precisions[first]
    share = score.samples / max(len(found.present), 1)
    series = (
        Series("precision", (100 * recalls).tolist(), (100 * precisions).tolist(), "validation", "━", "straight"),
        Series("chance", (0.0, 100.0), (100 * share, 100 * share), "dim", "─", "straight"),
    )
    chart = Chart(
        f"precision % of {score.name}  {found.split}, epoch {found.epoch}", series, 100.0, 0.0, x_name="recall %",
        epochs=False, ceiling=100.0,
    )  # fmt: skip
    value = _number(score.average_precision)
    facts: Row = [(f" average precision {value}", "bold"), (f"   {score.samples:,} samples", "dim")]
    return [*draw(chart, width - 1, height - 1, look), fit(facts, width)]


def wrong(
    found: Labels, cursor: LabelCursor, width: int, height: int, look: Look | None = None, heat: Heat | None = None
) -> list[Row]:
    """The samples with wrong labels, the worst first: what was missed and what was said without being so; beside them,
    where there is room, the image of the chosen one, with its heat map, if wanted.
    """
    total = f" {found.split}, epoch {found.epoch}: {len(found.wrong):,} of {len(found.present):,}"
    longer = f"{total} samples with a wrong label"
    title: Row = [(" mistakes ", "heading"), (longer if len(longer) + 10 <= width else f"{total} wrong", "")]
    pictured = look is not None and len(found.images) and width >= IMAGE + 2 * NAME
    room = width - IMAGE - 4 if pictured else width
    rows: list[Row] = [
        [
            ("   ", ""),
            (left("SAMPLE", NAME), "dim"),
            ("- missed   + said without being so" if room >= 58 else "- missed  + said", "dim"),
        ]
    ]
    for number in window(len(found.wrong), cursor.at, max(height - 2, 1)):
        chosen = number == cursor.at
        row = fit(_wrong_row(found.wrong[number], chosen), room)
        rows.append(on(row, "selected") if chosen else row)
    if pictured and look is not None:
        beside_it = _pictured(found, min(cursor.at, len(found.wrong) - 1), look, heat)
        rows = beside([(beside_it, IMAGE + 4), (rows, room)], height - 1)
    return [fit(row, width) for row in [title, *rows]]


def _pictured(found: Labels, at: int, look: Look, heat: Heat | None) -> list[Row]:
    """The image of a wrong sample, and what it is called, or for which label its heat speaks."""
    one, image = found.wrong[at], found.images[at]
    called: Row = [(f"  {cut(one.name or f'id {one.id}', IMAGE)}", "dim")]
    if heat is not None:
        image, there = heat.over(one.id, image)
        number = heat.maps.output(one.id, heat.which)
        known = there and number is not None and number < len(found.names)
        called = [(f"  {cut(f'for {found.names[number or 0]}' if known else 'no heat map', IMAGE)}", "accent")]
    return [*([("  ", ""), *row] for row in picture(image, IMAGE, IMAGE // 2, look)), called]


def _wrong_row(one: Wrong, chosen: bool) -> Row:
    row: Row = [(" › " if chosen else "   ", "accent bold"), (left(one.name or f"#{one.id}", NAME), "")]
    row += [(f"  - {text}", "warn") for text in _named(one.missed)]
    return [*row, *((f"  + {text}", "accent") for text in _named(one.invented))]


def _named(labels: Sequence[tuple[str, float]]) -> list[str]:
    return [f"{name} {probability(chance)}" for name, chance in labels]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
