"""Figure: the points of a regression, the fitted line, and what is left over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from dltui.exports import style
from dltui.exports.format import count, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reader import RunReader

Values = np.ndarray[Any, np.dtype[np.float32]]


@dataclass
class Fit:
    """x (n, features), y and prediction (n, outputs)."""

    subject: str
    split: str
    x: Values
    y: Values
    prediction: Values

    @property
    def mse(self) -> float:
        return float(np.mean(np.square(self.prediction.astype(np.float64) - self.y)))


def fitted_line(x: Values, prediction: Values) -> tuple[float, float] | None:
    """Slope and intercept of a model of one feature and one target; None for others."""
    if x.shape[1] != 1 or prediction.shape[1] != 1 or len(np.unique(x)) < 2:
        return None
    slope, intercept = np.polyfit(x[:, 0].astype(np.float64), prediction[:, 0].astype(np.float64), 1)
    return float(slope), float(intercept)


def draw_regression(fit: Fit) -> Figure:
    figure = style.page(3.0)
    top = style.heading(figure, _title(fit), _subtitle(fit))
    left, bottom, gap = 0.55, 0.45, 0.62
    width = style.WIDTH - left - style.MARGIN - gap
    main = style.place(figure, left, bottom, width * 0.6, top - bottom - 0.3)
    rest = style.place(figure, left + width * 0.6 + gap, bottom, width * 0.4, top - bottom - 0.3)
    line = fitted_line(fit.x, fit.prediction)
    if line is None:
        _against_truth(main, fit)
    else:
        _points_and_line(main, fit, line)
    _residuals(rest, fit)
    for axes in (main, rest):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
    return figure


def _title(fit: Fit) -> str:
    return f"MSE {number(fit.mse)} on {count(len(fit.y))} {fit.split} points: {fit.subject}"


def _subtitle(fit: Fit) -> str:
    spread = f"typical residual {number(math.sqrt(fit.mse), 3)}"
    line = fitted_line(fit.x, fit.prediction)
    if line is None:
        return spread
    sign = "+" if line[1] >= 0 else "−"
    return f"fitted line y = {number(line[0])} x {sign} {number(abs(line[1]))}; {spread}"


def _points_and_line(axes: Axes, fit: Fit, line: tuple[float, float]) -> None:
    axes.set_title("Points and fitted line")
    _scatter(axes, fit.x[:, 0], fit.y[:, 0])
    ends = np.array([fit.x.min(), fit.x.max()])
    axes.plot(ends, line[0] * ends + line[1], color=style.VERMILION, linewidth=1.6)
    axes.set_xlabel("x")
    axes.set_ylabel("y")


def _against_truth(axes: Axes, fit: Fit) -> None:
    axes.set_title("Predicted against true")
    _scatter(axes, fit.y.ravel(), fit.prediction.ravel())
    ends = np.array([fit.y.min(), fit.y.max()])
    axes.plot(ends, ends, color=style.VERMILION, linewidth=1.2, linestyle=(0, (4, 1.6)))
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")


def _scatter(axes: Axes, x: Values, y: Values) -> None:
    axes.plot(
        x, y, linestyle="none", marker="o", markersize=2.8, color=style.BLUE, alpha=0.55, markeredgewidth=0,
        rasterized=len(x) > 5_000,
    )  # fmt: skip


def _residuals(axes: Axes, fit: Fit) -> None:
    """How often each size of y minus prediction occurs, and one root mean square on either side of zero."""
    residuals = (fit.y.astype(np.float64) - fit.prediction).ravel()
    axes.set_title("Residuals")
    axes.hist(residuals, bins=min(40, max(8, round(math.sqrt(len(residuals))))), color=style.BLUE, alpha=0.75)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    for edge in (-math.sqrt(fit.mse), math.sqrt(fit.mse)):
        axes.axvline(edge, color=style.VERMILION, linewidth=1.0, linestyle=(0, (4, 1.6)))
    axes.set_xlabel("y − prediction")
    axes.set_ylabel("points")


def export(reader: RunReader, target: Path) -> None:
    """Draws the test split once it was evaluated, the latest validation until then, nothing before that."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    arrays = reader.predictions("test") or reader.predictions("validation-latest")
    if arrays is None or "prediction" not in arrays:
        return
    fit = Fit(subject(reader), str(arrays["split"]), arrays["x"], arrays["y"], arrays["prediction"])
    with style.applied():
        save(draw_regression(fit), target, about(reader, _title(fit), _subtitle(fit)))
