"""The charts of a regression: its fit, and its residuals."""

from __future__ import annotations

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
        low, high = min(measured), max(measured)
        ideal = Series("ideal", (low, high), (low, high), "validation", "━", "straight")
        said = Series("predicted", measured, [point.predicted for point in points], "train", "·", "dots")
        return Chart(f"fit  {where}", (said, ideal), high, low, x_name="measured", epochs=False, floor=None)
    points = sorted(points, key=lambda point: point.x or 0.0)
    x = [point.x or 0.0 for point in points]
    dots = Series("measured", x, [point.measured for point in points], "train", "·", "dots")
    model = Series("model", x, [point.predicted for point in points], "validation", "━", "straight")
    low, high = x[0], x[-1]
    return Chart(
        f"fit  {where}", (dots, model), high if high > low else low + 1, low, x_name="x", epochs=False, floor=None
    )


def residual_chart(fit: Fit) -> Chart:
    """The residuals over the prediction: a pattern in them means that the model misses something."""
    predicted = [point.predicted for point in fit.points]
    low, high = min(predicted), max(predicted)
    zero = Series("", (low, high), (0.0, 0.0), "validation", "━", "straight")
    return Chart(
        f"measured minus predicted  {' '.join(filter(None, (fit.title, f'{fit.split}, epoch {fit.epoch}')))}",
        (Series("residual", predicted, [point.residual for point in fit.points], "train", "·", "dots"), zero),
        high if high > low else low + 1,
        low,
        x_name="predicted",
        epochs=False,
        floor=None,
    )
