"""Draws the learning rate of a run over its epochs, for the page about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from dltui.exports.about import about
from dltui.exports.figures import style
from dltui.exports.figures.axes import whole_numbers
from dltui.exports.look import Look, looking
from dltui.exports.save import render
from dltui.exports.wording import number

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

MOST = 400
"""Points of the curve, which has no detail between them: schedules are smooth, and steps of one keep their place."""


def draw(reader: RunReader) -> bytes:
    """The picture as SVG; b"" before anything was trained."""
    points, attempt = reader.history.points, reader.history.attempt
    if attempt is None or len(points) < 2:
        return b""
    places = sorted({round(at * (len(points) - 1) / (MOST - 1)) for at in range(MOST)})
    epochs = [points.steps[place] / max(attempt.steps_per_epoch, 1) for place in places]
    with looking(Look(title=False)), style.applied():
        figure = style.page(1.6 + style.HEADING)
        axes = style.place(figure, 0.75, 0.42, style.width() - 0.75 - style.MARGIN, 1.0)
        axes.plot(epochs, [points.lr[place] for place in places], color=style.BLUE, linewidth=1.3)
        axes.set_ylim(bottom=0)
        whole_numbers(axes, 0, max(int(epochs[-1] + 0.999), 1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value, 12))))
        axes.set_xlabel("epoch")
        axes.set_ylabel("learning rate")
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        return render(figure, "svg", about(reader, "Learning rate", "The learning rate over the epochs."))
