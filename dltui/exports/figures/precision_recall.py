"""Figure: the precision-recall curve of each label of a multi-label run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter

from dltui.core.analysis.evaluation import latest
from dltui.core.text import plural
from dltui.exports.figures import style
from dltui.exports.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.labels import Labels, Score
    from dltui.core.reading.reader import RunReader

MOST = 12
"""Labels that are drawn: those with the lowest average precision."""
ACROSS = 4
PANEL = 1.35
"""The height of a panel in inches."""


def draw_precision_recall(subject: str, found: Labels) -> Figure:
    """Draw a panel for each label; `subject` is the model and its data."""
    chosen = shown(found)
    across = min(ACROSS if not style.narrow() else 2, max(len(chosen), 1))
    down = -(-max(len(chosen), 1) // across)
    left, bottom, gap_x, gap_y = 0.62, 0.45, 0.3, 0.55
    figure = style.page(0.95 + bottom + down * PANEL + (down - 1) * gap_y)
    top = style.heading(figure, _title(subject, found), _subtitle(found))
    width = (style.width() - left - style.MARGIN - gap_x * (across - 1)) / across
    for place, (score, heading) in enumerate(zip(chosen, _headings(chosen, width), strict=True)):
        row, column = divmod(place, across)
        y = top - 0.3 - PANEL - row * (PANEL + gap_y)
        axes = style.place(figure, left + column * (width + gap_x), y, width, PANEL)
        axes.set_title(heading)
        _panel(axes, found, score)
        if column == 0:
            axes.set_ylabel("precision")
        else:
            axes.set_yticklabels([])
        axes.set_xlabel("recall" if row == down - 1 or place + across >= len(chosen) else "")
    return figure


def shown(found: Labels) -> list[Score]:
    """The labels that are drawn, in their own order."""
    known = [score for score in found.scores if score.average_precision is not None]
    lowest = sorted(known, key=lambda score: (score.average_precision or 0.0, score.number))[:MOST]
    return sorted(lowest, key=lambda score: score.number)


def _title(subject: str, found: Labels) -> str:
    when = "" if found.split == "test" else f" after epoch {found.epoch}"
    value = number(found.mean_average_precision)
    return f"{subject}: {found.split} mean average precision {value}, n = {len(found.present):,}{when}"


def _subtitle(found: Labels) -> str:
    known = sum(score.average_precision is not None for score in found.scores)
    some = f"the {MOST} with the lowest of {plural(known, 'label')}; " if known > MOST else ""
    return f"{some}average precision and samples of each label; dashed: what chance gives"


def _headings(chosen: list[Score], width: float) -> list[str]:
    """The name, average precision and samples of each label; names that begin alike can be told apart."""
    told = [f"  {number(score.average_precision or 0.0, 3)}, {score.samples:,}" for score in chosen]
    # The names are measured as plain text, and drawn bold.
    room = 0.9 * (width - max((style.text_width(more, style.TEXT, "bold") for more in told), default=0.0))
    names = style.fit_all([score.name for score in chosen], room, style.TEXT)
    return [name + more for name, more in zip(names, told, strict=True)]


def _panel(axes: Axes, found: Labels, score: Score) -> None:
    recalls, precisions = found.curve(score.number)
    axes.plot([0, *recalls], [precisions[0], *precisions], color=style.BLUE, linewidth=1.3, drawstyle="steps-pre")
    share = score.samples / max(len(found.present), 1)
    axes.plot([0, 1], [share, share], color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 1.6)))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axis.set_major_formatter(FuncFormatter(_percent_tick))
    # Inside of the panel, where they cannot meet those of the next.
    first, _, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)


def _percent_tick(value: float, position: int | None = None) -> str:
    return f"{100 * value:.4g} %"


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found = latest(reader)
    if found is None or found.labels is None:
        return
    name = subject(reader)
    with style.applied():
        described = f"Precision-recall curves of {plural(len(shown(found.labels)), 'label')}."
        title = _title(name, found.labels)
        save(draw_precision_recall(name, found.labels), target, about(reader, title, described))
