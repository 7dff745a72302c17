"""Figure: misclassified texts, rows and sequences, one below the other, the most confident mistakes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.exports.figures import style
from dltui.exports.wording import likelihood

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.mistakes import Mistake, Mistakes

MOST = 12
LINE, GAP = 0.125, 0.14
"""Inches."""
LEAST, MOST_LINES = 0.42, 6
CURVE = 0.6
LABELS, LEAST_LABELS = 2.2, 1.2
"""Inches to the right of a sample, for its classes: usually, and in a narrow figure."""
COLORS = (style.BLUE, style.VERMILION, style.MUTED, style.PALE_BLUE)
SUBTITLE = "most confident first; true class, predicted class, its probability, sample"


def draw_rows(title: str, found: Mistakes) -> Figure:
    """Draw the first mistakes under a title."""
    shown = shown_of(found)
    heights = [_height(found, mistake) for mistake in shown]
    figure = style.page(0.75 + sum(heights) + GAP * max(len(shown), 1))
    top = style.heading(figure, title, SUBTITLE) - 0.04
    axes = style.sheet(figure)
    for mistake, height in zip(shown, heights, strict=True):
        _row(figure, axes, found, mistake, top, height)
        top -= height + GAP
    if not shown:
        axes.text(style.width() / 2, top - 0.1, "no mistakes", color=style.MUTED, ha="center")
    return figure


def shown_of(found: Mistakes) -> tuple[Mistake, ...]:
    """The mistakes that are drawn."""
    kept = max(len(found.texts), len(found.lines))
    return found.all[: min(MOST, kept)]


def _row(figure: Figure, axes: Axes, found: Mistakes, mistake: Mistake, top: float, height: float) -> None:
    """A sample with its classes; `top` in inches."""
    lines = _lines(found, mistake)
    if len(found.lines):
        _curve(figure, found.lines[mistake.image], top - CURVE)
    for number, text in enumerate(lines):
        y = top - number * LINE - (CURVE + 0.04 if len(found.lines) else 0)
        axes.text(style.MARGIN, y, text, fontsize=style.SMALL, va="top")
    left, room = style.width() - _labels(), _labels() - style.MARGIN

    def label(row: int, text: str, **kwargs: Any) -> None:
        axes.text(left, top - row * LINE, style.fit(text, room, style.SMALL), fontsize=style.SMALL, va="top", **kwargs)

    label(0, found.name(mistake.true))
    label(1, found.name(mistake.said), color=style.VERMILION, fontweight="bold")
    label(2, f"{likelihood(mistake.probability)}  {mistake.name or f'#{mistake.id}'}", color=style.MUTED)
    bottom = top - height - GAP / 2
    axes.plot((style.MARGIN, style.width() - style.MARGIN), (bottom, bottom), color=style.GRID, linewidth=0.7)


def _curve(figure: Figure, lines: Any, bottom: float) -> None:
    """The features of a sequence over its steps."""
    axes = style.place(figure, style.MARGIN + 0.3, bottom, style.width() - _labels() - 0.7, CURVE)
    for line, color in zip(np.asarray(lines), COLORS, strict=False):
        axes.plot(line, color=color, linewidth=0.9)
    axes.set_xlim(0, max(lines.shape[1] - 1, 1))
    axes.tick_params(labelsize=style.TINY)
    axes.set_xticks([])


def _labels() -> float:
    return LEAST_LABELS if style.narrow() else LABELS


def _lines(found: Mistakes, mistake: Mistake) -> list[str]:
    """The lines of a sample's text; the fields of a table with dots between them."""
    if not found.texts:
        return []
    text = "  ·  ".join(found.texts[mistake.image].split("\n"))
    # Hinted at some sizes, letters are a little wider than they are measured.
    return style.wrapped(text, style.width() - _labels() - 0.36, style.SMALL, most=MOST_LINES)


def _height(found: Mistakes, mistake: Mistake) -> float:
    curve = CURVE + 0.04 if len(found.lines) else 0.0
    return max(curve + LINE * len(_lines(found, mistake)), LEAST)
