"""The loss by learning rate in a range test, with the proposed rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from dltui.core.text import clean_line
from dltui.exports.figures import style
from dltui.exports.figures.style import BLUE, INK, MARGIN, MUTED, VERMILION
from dltui.exports.wording import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dltui.core.finders.find import Rates

HEIGHT = 3.3
LEFT, BOTTOM = 0.62, 0.52
ROOM = 1.25
"""The height of the axes, relative to the largest smoothed loss before the least: what diverges leaves them."""


def draw_learning_rates(found: Rates) -> Figure:
    """Draw the losses of the steps as dots, their smoothed curve, and the proposal."""
    figure = style.page(HEIGHT)
    top = style.heading(figure, f"Learning rates of {clean_line(found.model)}", clean_line(_subtitle(found)))
    axes = style.place(figure, LEFT, BOTTOM, style.WIDTH - LEFT - MARGIN, top - BOTTOM - 0.1)
    lr, loss, smooth = (np.asarray(values) for values in (found.lr, found.loss, found.smooth))
    axes.plot(lr, loss, ".", color=MUTED, markersize=3.0, alpha=0.6, markeredgewidth=0)
    axes.plot(lr, smooth, color=BLUE, linewidth=1.6)
    low = min(float(loss.min()), float(smooth.min()))
    high = float(smooth[: int(np.argmin(smooth)) + 1].max())
    room = max((high - low) * (ROOM - 1), 1e-9)
    axes.set_ylim(low - room / 3, high + room)
    axes.set_xscale("log")
    axes.set_xlim(lr[0], max(lr[-1], lr[0] * 1.1))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("e-0", "e-")))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if found.suggestion is not None:
        at = float(np.interp(np.log(found.suggestion), np.log(lr), smooth))
        axes.axvline(found.suggestion, color=VERMILION, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
        axes.plot([found.suggestion], [at], "o", color=VERMILION, markersize=5.0, zorder=4)
        axes.annotate(
            f"lr {number(found.suggestion)}", (found.suggestion, high + room), (4, -9),
            textcoords="offset points", color=INK, fontsize=style.SMALL, fontweight="bold",
        )  # fmt: skip
    return figure


def _subtitle(found: Rates) -> str:
    options = [found.dataset, f"batch size {found.batch_size:,}", found.optimizer]
    return f"{', '.join(filter(None, options))}; {found.reason}"
