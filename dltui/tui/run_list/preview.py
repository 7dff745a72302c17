"""The preview of the selected run below the list: two charts, its mistakes, the verdict; marked runs over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.tasks.registry import task_of
from dltui.core.text import safe
from dltui.tui.draw import colors
from dltui.tui.draw.chart import draw
from dltui.tui.draw.chart_data import Chart, Series
from dltui.tui.draw.picture import picture
from dltui.tui.draw.run_charts import series as run_series
from dltui.tui.draw.run_charts.axis import axis_of
from dltui.tui.draw.run_charts.fit import fit_chart
from dltui.tui.draw.styled_text import Row, beside, cells, cut, cut_words, fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dltui.core.analysis.mistakes import Mistake, Mistakes
    from dltui.core.analysis.regression import Fit
    from dltui.core.analysis.verdict import Verdict
    from dltui.tui.base.overlays import Overlaid
    from dltui.tui.draw.styled_text import Look

MOST_OVER = 6
"""The most runs that lie over the selected run: as many as there are colors."""
IMAGE = 16
"""The cells across an image of the strip of mistakes."""
CAPTION = 2
WIDE = 160
NOTE = "begins with the first step"
UNREADABLE = "cannot be read"


@dataclass(frozen=True, eq=False)
class Preview:
    """The selected line at a moment. `own` is the run itself, None for a group, whose runs are the `others`."""

    line: str
    name: str
    own: Overlaid | None
    others: tuple[Overlaid, ...] = ()
    task: str = ""
    verdict: Verdict | None = None
    fit: Fit | None = None
    mistakes: Mistakes | None = None

    def same_as(self, other: Preview) -> bool:
        """True if nothing has been read since the other."""
        parts = ("own", "others", "fit", "mistakes")
        same = all(getattr(self, part) is getattr(other, part) for part in parts)
        return same and (self.line, self.name, self.verdict) == (other.line, other.name, other.verdict)

    @property
    def runs(self) -> list[Overlaid]:
        """The run and those over it that have begun to train."""
        every = [*([self.own] if self.own else []), *self.others]
        return [run for run in every if run.history.attempt is not None]


def rows(found: Preview, line: str, width: int, height: int, look: Look) -> list[Row]:
    """The heading, the charts with the strip of mistakes beside them, and the verdict. `line` is the selected line, of
    which the pane above tells the name.
    """
    room = height - 2
    strip = _strip(found, width, room, look)
    across = width - (cells(strip[0]) if strip else 0)
    charts = list(_charts(found, look))[: 2 if across >= 2 * 38 else 1]
    each = across // len(charts)
    blocks = [(draw(chart, each - 1, room, look), each) for chart in charts]
    blocks[-1] = (blocks[-1][0], across - each * (len(charts) - 1))
    body = beside([*blocks, *([(strip, width - across)] if strip else [])], room)
    return [heading(found, line, width, look), *body, _verdict(found.verdict, width)]


def heading(found: Preview, line: str, width: int, look: Look) -> Row:
    """A rule with the name of the run, where it is not clear, and the marks of the runs that lie over it."""
    row: Row = []
    if found.others or found.line != line or (found.own is not None and found.own.name != found.name):
        row = [("── ", "rule"), (cut(found.name, width // 3), "heading"), (" ", "")]
    for run, (style, mark) in zip(found.others, _run_colors(found, look), strict=True):
        row += [(f" {mark} ", f"{style} bold"), (cut(run.name, 18), style), (" ", "")]
    return fit([*row, ("─" * max(width - cells(row), 0), "rule")], width)


def _run_colors(found: Preview, look: Look) -> list[tuple[str, str]]:
    """The style and the mark of each run that lies over."""
    known = colors.run_colors(run.id for run in found.others)
    return [(known[run.id].style, known[run.id].mark if look.ascii else known[run.id].sign) for run in found.others]


def _charts(found: Preview, look: Look) -> Iterator[Chart]:
    runs = found.runs
    if not runs:
        yield Chart("loss", (), 1.0, note=NOTE if found.own or found.others else UNREADABLE)
        return
    task = task_of(found.task)
    history = runs[0].history
    squared = task.inside == "fit" and not history.own_loss
    for name in run_series.names(history, task.inside, task.metric)[:2]:
        if name == "fit":
            yield fit_chart(found.fit)
        else:
            yield _chart(found, name, run_series.title(name, squared), look)


def _chart(found: Preview, name: str, title: str, look: Look) -> Chart:
    """The curves of the run, and the validation curves of those over it."""
    series, ends = [], [1.0]
    for run, (style, mark) in zip(found.others, _run_colors(found, look), strict=True):
        if run.history.attempt is not None:
            axis = axis_of(run.history, "epochs")
            ends.append(axis.at(run.history.attempt.total_steps))
            # The heading says whose curve it is.
            series.append(run_series.laid_over(run.history, axis, name, "", style, mark))
    own: tuple[Series, ...] = ()
    best = None
    mine = found.own.history if found.own is not None else None
    if mine is not None and mine.attempt is not None:
        axis = axis_of(mine, "epochs")
        ends.append(axis.at(mine.attempt.total_steps))
        own, best = run_series.own(mine, axis, name, axis.of(mine.points.steps)), run_series.best(mine, axis, name)
    return Chart(
        title,
        (*(one for one in series if one is not None), *own),
        max(ends),
        best=best,
        ceiling=100.0 if run_series.factor_of(name) == 100.0 else None,
        note=NOTE,
    )


def _strip(found: Preview, width: int, height: int, look: Look) -> list[Row]:
    """The most confident mistakes as pictures, all rows equally wide; [] where there are none, or no room."""
    mistakes = found.mistakes
    tall = IMAGE // 2 + CAPTION
    if mistakes is None or not mistakes.pictured or not mistakes.all or height < tall + 1:
        return []
    columns = 3 if width >= WIDE else 2
    size = columns * (IMAGE + 2) + 1
    told = f"{mistakes.wrong:,} of {mistakes.total:,}, {mistakes.split}"
    strip: list[Row] = [[(" mistakes ", "heading"), (f" {told}", "dim")]]
    for first in range(0, (height - 1) // tall * columns, columns):
        line = mistakes.all[first : first + columns]
        strip += beside([(_thumbnail(mistakes, one, look), IMAGE + 2) for one in line], tall)
    return [fit(row, size) for row in strip]


def _thumbnail(found: Mistakes, mistake: Mistake, look: Look) -> list[Row]:
    """An image, below it the true and the predicted class."""
    image = picture(found.images[mistake.image], IMAGE, IMAGE // 2, look)
    gap = (IMAGE - cells(image[0])) // 2
    below: list[Row] = [[] for _ in range(IMAGE // 2 - len(image))]
    captions: list[Row] = [
        [(f" {cut(found.name(mistake.true), IMAGE)}", "")],
        [(" → ", "dim"), (cut(found.name(mistake.said), IMAGE - 2), "validation")],
    ]
    return [*([(" " * (1 + gap), ""), *row] for row in image), *below, *captions]


def _verdict(found: Verdict | None, width: int) -> Row:
    if found is None:
        return fit([], width)
    row: Row = [(" ▲ " if found.bad else " · ", "warn"), (safe(found.text), "warn bold" if found.bad else "dim")]
    return fit([*row, (f"  {cut_words(safe(found.evidence), max(width - cells(row) - 3, 8))}", "dim")], width)
