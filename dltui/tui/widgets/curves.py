"""The charts of a run: loss and accuracy of both splits, or loss and fit of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.tui.ink import Row, beside
from dltui.tui.terminal import Look
from dltui.tui.widgets.chart import draw
from dltui.tui.widgets.series import Chart, Series

if TYPE_CHECKING:
    from dltui.tui.look_inside import Fit
    from dltui.tui.view import RunView


def curves(view: RunView | None, width: int, height: int, look: Look, log: bool, only: int | None) -> list[Row]:
    """Two charts beside one another, or one of them alone."""
    charts = charts_of(view, log)
    if only is not None:
        return draw(charts[only % len(charts)], width, height, look)
    first = width // 2
    rooms = (first, width - first)
    blocks = [(draw(chart, room - 1, height, look), room) for chart, room in zip(charts, rooms, strict=True)]
    return beside(blocks, height)


def charts_of(view: RunView | None, log: bool) -> tuple[Chart, Chart]:
    if view is None or view.history.attempt is None:
        end = float(view.summary.epochs or 1) if view else 1.0
        note = "begins with the first step"
        return Chart("loss", (), end, note=note), Chart("accuracy %", (), end, note="")
    if view.regression:
        return metric_chart(view, "loss", "loss (mean squared error)", log), fit_chart(view.fit)
    return metric_chart(view, "loss", "loss", log), metric_chart(view, "accuracy", "accuracy %", False, 100.0)


def metric_chart(view: RunView, name: str, title: str, log: bool, factor: float = 1.0) -> Chart:
    """Training within epochs, validation after each, the best epoch, and where the learning rate was changed."""
    history, points = view.history, view.history.points
    x = _scaled(points.steps, 1 / view.steps_per_epoch)
    if name == "loss":
        train = Series("train", x, points.loss, "train", "━", "raw", points.loss_min, points.loss_max)
    else:
        values = _scaled(points.metrics.get(name, ()), factor)
        train = Series("train", x[: len(values)], values, "train", "━", "raw")
    records = [record for _, record in sorted(history.epochs.items()) if name in record.validation]
    validation = Series(
        "validation",
        [record.step / view.steps_per_epoch for record in records],
        [record.validation[name] * factor for record in records],
        "validation",
        "●",
    )
    best = history.best
    at = (
        (best.step / view.steps_per_epoch, best.validation[name] * factor) if best and name in best.validation else None
    )
    changes = tuple((step / view.steps_per_epoch, "▲", "warn") for step, _ in history.lr_changes)
    return Chart(
        title,
        (train, validation),
        float(history.attempt.epochs if history.attempt else view.summary.epochs),
        best=at,
        ceiling=100.0 if factor == 100.0 else None,
        log=log,
        marks=changes,
        note="begins with the first step",
    )


def fit_chart(fit: Fit | None) -> Chart:
    """Measured points and the model's line over the input; with several inputs, prediction over measurement."""
    if fit is None or not fit.y:
        return Chart("fit", (), 1.0, note="after the first epoch")
    where = f"{fit.split}, epoch {fit.epoch}"
    if fit.x is None:
        low, high = min(fit.y), max(fit.y)
        ideal = Series("ideal", (low, high), (low, high), "validation", "━", "straight")
        said = Series("predicted", fit.y, fit.prediction, "train", "·", "dots")
        return Chart(f"fit  {where}", (said, ideal), high, low, x_name="measured", epochs=False, floor=None)
    order = sorted(range(len(fit.x)), key=fit.x.__getitem__)
    x = [fit.x[number] for number in order]
    measured = Series("measured", x, [fit.y[number] for number in order], "train", "·", "dots")
    model = Series("model", x, [fit.prediction[number] for number in order], "validation", "━", "straight")
    low, high = x[0], x[-1]
    return Chart(
        f"fit  {where}", (measured, model), high if high > low else low + 1, low, x_name="x", epochs=False, floor=None
    )


def _scaled(values: Sequence[float], factor: float) -> Sequence[float]:
    import numpy as np

    scaled: Sequence[float] = np.asarray(values, dtype=np.float64) * factor  # type: ignore[assignment]
    return scaled


def residual_chart(fit: Fit) -> Chart:
    """What is left over the prediction: a pattern in it means that the model misses something."""
    left = [y - said for y, said in zip(fit.y, fit.prediction, strict=True)]
    low, high = min(fit.prediction), max(fit.prediction)
    zero = Series("", (low, high), (0.0, 0.0), "validation", "━", "straight")
    return Chart(
        f"measured minus predicted  {fit.split}, epoch {fit.epoch}",
        (Series("residual", fit.prediction, left, "train", "·", "dots"), zero),
        high if high > low else low + 1,
        low,
        x_name="predicted",
        epochs=False,
        floor=None,
    )
