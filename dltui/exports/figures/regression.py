"""Figure: the points of a regression, the fitted line, and the residuals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from dltui.core.analysis.evaluation import latest
from dltui.core.text import plural
from dltui.exports.figures import style
from dltui.exports.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.regression import Fit
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader


MOST = 6
"""Targets that have a row of panels."""


def draw_regression(subject: str, fit: Fit) -> Figure:
    """Draw the figure, with a row of panels for each target; `subject` is the model and its data."""
    drawn = shown(fit)
    left, bottom, gap, row, between = 0.55 if len(drawn) == 1 else 0.75, 0.45, 0.62, 1.65, 0.75
    many = len(drawn) > 1
    down = len(drawn) * (2 if style.narrow() else 1)
    figure = style.page(3.0 if down == 1 else 1.05 + down * row + (down - 1) * between + bottom)
    top = style.heading(figure, _title(subject, fit), _subtitle(fit, len(drawn)))
    width = style.width() - left - style.MARGIN - (0.0 if style.narrow() else gap)
    for place, one in enumerate(drawn):
        height = top - bottom - 0.3 if down == 1 else row
        y = top - 0.3 - height - place * (row + between) * (2 if style.narrow() else 1)
        if style.narrow():
            wide = width
            main = style.place(figure, left, y, width, height)
            rest = style.place(figure, left, y - row - between, width, height)
        else:
            wide = width * 0.6
            main = style.place(figure, left, y, wide, height)
            rest = style.place(figure, left + wide + gap, y, width * 0.4, height)
        if one.x.shape[1] == 1 and one.prediction.shape[1] == 1:
            _points_and_line(main, one)
        else:
            _against_truth(main, one)
        _residuals(rest, one)
        if one.title and many:
            told = f"  R² {_short(one.r2)}, MAE {_short(one.mae)}"
            main.set_title(style.fit(one.title, wide - 0.075 * len(told), style.TEXT) + told)
        for axes in (main, rest):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
            axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
            axes.grid(axis="y")
            axes.spines["left"].set_visible(False)
    return figure


def shown(fit: Fit) -> list[Fit]:
    """The fits that are drawn: that of all, or of targets with names each, those with the lowest R² where there are
    many.
    """
    count = fit.y.shape[1]
    if count == 1 or len(fit.names) != count:
        return [fit]
    fits = [fit.of(place) for place in range(count)]
    lowest = sorted(range(count), key=lambda place: (not math.isnan(fits[place].r2), fits[place].r2))[:MOST]
    return [fits[place] for place in sorted(lowest)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else number(value, 3)


def _title(subject: str, fit: Fit) -> str:
    # A mean of squares of several units means nothing.
    value = f"mean R² {number(fit.r2)}" if len(shown(fit)) > 1 else f"MSE {number(fit.mse)}"
    return f"{subject}: {fit.split} {value}, n = {len(fit.y):,}"


def _subtitle(fit: Fit, drawn: int = 0) -> str:
    line = fit.line
    if line is None:
        targets = fit.y.shape[1]
        some = f", the {drawn} with the lowest R²" if 1 < drawn < targets else ""
        # Images have none.
        features = f"{plural(fit.x.shape[1], 'feature')}, " if fit.x.shape[1] else ""
        return f"{features}{plural(targets, 'target')}{some}"
    sign, (first, second) = "+" if line[1] >= 0 else "−", fit.line_digits
    return f"fitted line y = {number(line[0], first)} x {sign} {number(abs(line[1]), second)}"


def _points_and_line(axes: Axes, fit: Fit) -> None:
    """Draw the points, and the model's own predictions between the smallest and the largest x of the split."""
    axes.set_title("Points and fitted line")
    _scatter(axes, fit.x[:, 0], fit.y[:, 0])
    order = np.argsort(fit.x[:, 0], kind="stable")
    if fit.line:
        order = order[[0, -1]]
    axes.plot(fit.x[order, 0], fit.prediction[order, 0], color=style.VERMILION, linewidth=1.6)
    axes.set_xlabel("x")
    axes.set_ylabel("y", rotation=0)


def _against_truth(axes: Axes, fit: Fit) -> None:
    axes.set_title("Predicted against true")
    _scatter(axes, fit.y.ravel(), fit.prediction.ravel())
    known = fit.y[np.isfinite(fit.y)]
    ends = [known.min(), known.max()] if len(known) else [0.0, 0.0]
    axes.plot(ends, ends, color=style.VERMILION, linewidth=1.2, linestyle=(0, (4, 1.6)))
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")


def _scatter(axes: Axes, x: Array, y: Array) -> None:
    shown = np.isfinite(x) & np.isfinite(y)
    size = min(3.0, max(1.2, 40 / math.sqrt(max(len(x), 1))))
    axes.plot(
        x[shown], y[shown], linestyle="none", marker="o", markersize=size, color=style.BLUE, alpha=0.5,
        markeredgewidth=0, rasterized=len(x) > 5_000,
    )  # fmt: skip


def _residuals(axes: Axes, fit: Fit) -> None:
    """Draw the histogram of the residuals (y minus prediction), with the root mean square on either side of zero."""
    residuals = fit.residuals[np.isfinite(fit.residuals)]
    spread = math.sqrt(fit.mse) if fit.mse >= 0 else math.nan
    axes.set_title(f"Residuals (dashed: ± RMS {_short(spread)})")
    axes.set_xlabel("y − prediction")
    axes.set_ylabel("points")
    if not len(residuals):
        return
    bins = min(40, max(8, round(math.sqrt(len(residuals)))))
    axes.hist(
        residuals,
        bins=bins,
        range=_range(residuals),
        histtype="stepfilled",
        color=style.PALE_BLUE,
        edgecolor=style.BLUE,
        linewidth=0.9,
    )
    axes.axvline(0, color=style.INK, linewidth=0.8)
    for edge in (-spread, spread) if math.isfinite(spread) else ():
        axes.axvline(edge, color=style.VERMILION, linewidth=1.1, linestyle=(0, (4, 1.6)))


def _range(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """The range from the smallest to the largest value, widened where all values are equal."""
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    room = (size or 1.0) / 10 if high - low <= size * 1e-9 else 0.0
    return low - room, high + room


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found = latest(reader)
    if found is None or found.fit is None:
        return
    fit, name = found.fit, subject(reader)
    with style.applied():
        described = f"Points, fitted line and residuals of a regression: {_subtitle(fit)}."
        save(draw_regression(name, fit), target, about(reader, _title(name, fit), described))
