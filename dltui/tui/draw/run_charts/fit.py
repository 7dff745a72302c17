"""The charts of a regression: its fit, and its residuals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.tui.draw.chart_data import Chart, Series

if TYPE_CHECKING:
    from dltui.core.analysis.regression import Fit


def fit_chart(fit: Fit | None) -> Chart:
    """The measured points and the model's line over the input; with several inputs, prediction over measurement."""
    points = fit.points if fit is not None else []
    if fit is None or not points:
        return Chart("fit", (), 1.0, note="after the first epoch")
    fit = fit.of(0)
    points = fit.points
    where = " ".join(filter(None, (fit.title, f"{fit.split}, epoch {fit.epoch}")))
    if points[0].x is None:
        measured = [point.measured for point in points]
        low, high = _range(measured)
        ideal = Series("ideal", (low, high), (low, high), "validation", "━", "straight")
        said = Series("predicted", measured, [point.predicted for point in points], "train", "·", "dots")
        return _over(f"fit  {where}", (said, ideal), (low, high), "measured")
    points = sorted(points, key=lambda point: point.x or 0.0)
    x = [point.x or 0.0 for point in points]
    dots = Series("measured", x, [point.measured for point in points], "train", "·", "dots")
    model = Series("model", x, [point.predicted for point in points], "validation", "━", "straight")
    return _over(f"fit  {where}", (dots, model), _range(x), "x")


def residual_chart(fit: Fit) -> Chart:
    """The residuals over the prediction: a pattern in them means that the model misses something."""
    predicted = [point.predicted for point in fit.points]
    low, high = _range(predicted)
    zero = Series("", (low, high), (0.0, 0.0), "validation", "━", "straight")
    residuals = Series("residual", predicted, [point.residual for point in fit.points], "train", "·", "dots")
    where = " ".join(filter(None, (fit.title, f"{fit.split}, epoch {fit.epoch}")))
    return _over(f"measured minus predicted  {where}", (residuals, zero), (low, high), "predicted")


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest of the values that are numbers; 0 where none is."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    return min(known), max(known)


def _over(title: str, series: tuple[Series, ...], ends: tuple[float, float], x_name: str) -> Chart:
    """A chart over such values; of equal ones its axis is 1 long."""
    low, high = ends
    return Chart(title, series, high if high > low else low + 1, low, x_name=x_name, epochs=False, floor=None)
