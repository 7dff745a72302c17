"""Figure: the intersection over union of each class of a segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.analysis.evaluation import latest
from dltui.core.text import plural
from dltui.exports.figures import style
from dltui.exports.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.confusion import Score
    from dltui.core.analysis.masks.worst import Masks
    from dltui.core.reading.reader import RunReader

MOST = 40
"""Classes that are drawn: those with the lowest IoU."""
BAR, STEP = 0.13, 0.21
"""Inches."""
LONGEST_NAME = 1.6
VALUES = 1.35
"""The room at the right for the numbers."""


def draw_class_iou(subject: str, found: Masks) -> Figure:
    """Draw a bar for each class; `subject` is the model and its data."""
    scores = shown(found)
    height = max(len(scores), 1) * STEP
    figure = style.page(0.7 + height + 0.36)
    top = style.heading(figure, title(subject, found), _subtitle(found))
    names = style.fit_all([score.name for score in scores], LONGEST_NAME, style.SMALL)
    left = style.MARGIN + 0.1 + max((style.text_width(name, style.SMALL) for name in names), default=0.0)
    width = style.width() - left - style.MARGIN - VALUES
    axes = style.place(figure, left, top - 0.12 - height, width, height)
    _bars(axes, scores, names, found, width)
    return figure


def shown(found: Masks) -> list[Score]:
    """The classes that are drawn, in their own order."""
    known = [score for score in found.matrix.scores() if score.iou is not None]
    lowest = sorted(known, key=lambda score: (score.iou or 0.0, score.number))[:MOST]
    return sorted(lowest, key=lambda score: score.number)


def title(subject: str, found: Masks) -> str:
    """The title of figures about the masks of a split."""
    matrix = found.matrix
    when = "" if matrix.split == "test" else f" after epoch {matrix.epoch}"
    return f"{subject}: {matrix.split} mean IoU {number(found.mean_iou)}, n = {len(found.ious):,} images{when}"


def _subtitle(found: Masks) -> str:
    known = len(found.present)
    some = f"the {MOST} with the lowest of {plural(known, 'class', 'classes')}; " if known > MOST else ""
    return f"{some}intersection over union of each class, and its share of the pixels; dashed: the mean"


def _bars(axes: Axes, scores: list[Score], names: list[str], found: Masks, width: float) -> None:
    places = range(len(scores))
    axes.barh(places, [score.iou or 0.0 for score in scores], height=BAR / STEP, color=style.BLUE)
    axes.axvline(found.mean_iou, color=style.VERMILION, linewidth=1.0, linestyle=(0, (4, 1.6)))
    axes.set_xlim(0, 1)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", labelcolor=style.INK)
    axes.grid(axis="x")
    total = max(found.matrix.total, 1)
    for place, score in enumerate(scores):
        right = 1 + 0.08 / width
        axes.text(right, place, f"{score.iou or 0.0:.3f}", fontsize=style.SMALL, va="center_baseline")
        share = f"{100 * score.true / total:.1f} %"
        axes.text(1 + (VALUES - 0.05) / width, place, share, fontsize=style.SMALL, color=style.MUTED, ha="right",
                  va="center_baseline")  # fmt: skip


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found = latest(reader)
    if found is None or found.masks is None:
        return
    name = subject(reader)
    with style.applied():
        described = f"Intersection over union of {plural(len(shown(found.masks)), 'class', 'classes')}."
        save(draw_class_iou(name, found.masks), target, about(reader, title(name, found.masks), described))
