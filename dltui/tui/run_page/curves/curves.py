"""The charts of a run: loss and accuracy of both splits, or loss and fit of a regression, and every other metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dltui.core.tasks import registry
from dltui.core.text import safe
from dltui.tui.draw.chart_data import Chart, Form, Series
from dltui.tui.draw.colors import RunInk, inks
from dltui.tui.run_page.curves.axis import Axis, axis_of
from dltui.tui.run_page.curves.curve_view import CurveView, Extent

if TYPE_CHECKING:
    from dltui.core.analysis.fit import Fit
    from dltui.core.reading.history import History
    from dltui.tui.run_page.curves.overlays import Overlaid
    from dltui.tui.run_page.view import RunView

TITLES = {"lr": "learning rate"}

NOTE = "begins with the first step"


@dataclass(frozen=True)
class Curves:
    """A run, the view settings, and the overlaid runs: makes the chart of each metric."""

    view: RunView
    curve_view: CurveView
    others: tuple[Overlaid, ...]
    axis: Axis
    inks: dict[str, RunInk]

    def chart(self, name: str) -> Chart:
        if name == "fit":
            return fit_chart(self.view.fit)
        history = self.view.history
        factor = 100.0 if name.endswith("accuracy") else 1.0
        own = [_training(history, self.axis, name, factor), _validation(history, self.axis, name, factor)]
        best = history.best if name != "lr" else None
        values = {**best.more, **best.validation} if best else {}
        at = (self.axis.at(best.step), values[name] * factor) if best and name in values else None
        first, last = self.axis.of(self.curve_view.shown(extent(self.view))).tolist()
        cursor = self.curve_view.cursor
        return Chart(
            title(self.view, name),
            (*self._laid_over(name, factor), *(series for series in own if len(series.y))),
            last if last > first else first + 1,
            first,
            best=at,
            x_name=self.axis.name,
            epochs=self.axis.whole,
            ceiling=100.0 if factor == 100.0 else None,
            log=self.curve_view.log and factor == 1.0,
            marks=tuple((self.axis.at(step), "▲", "warn") for step, _ in history.lr_changes),
            note=NOTE,
            smoothing=self.curve_view.smoothing if name != "lr" else 0.0,
            cursor=None if cursor is None else self.axis.at(cursor),
        )

    def _laid_over(self, name: str, factor: float) -> list[Series]:
        """The series of the other runs: their validation values, or their learning rates. The ghost is gray."""
        laid = []
        for other in self.others:
            axis = axis_of(other.history, self.curve_view.axis)
            form: Form = "straight" if name == "lr" else "line"
            find = _training if name == "lr" else _validation
            series = find(other.history, axis, name, factor)
            if len(series.y):
                style, mark = self.inks[other.id]
                style = "dim" if other.id == self.curve_view.ghost else style
                laid.append(replace(series, name=other.name, style=style, mark=mark, form=form))
        return laid


def curves_of(view: RunView, curve_view: CurveView, others: tuple[Overlaid, ...]) -> Curves:
    left = view.progress.left if view.progress else None
    known = tuple(other for other in others if other.history.attempt is not None)
    return Curves(view, curve_view, known, axis_of(view.history, curve_view.axis, left), inks(curve_view.others))


def extent(view: RunView) -> Extent:
    """The length of the run."""
    planned = view.history.attempt.total_steps if view.history.attempt else 1
    return Extent(float(view.history.step if view.history.attempt else 0), float(max(planned, 1)))


def names(view: RunView | None, more: bool = False) -> tuple[str, ...]:
    """The names of the charts: loss and accuracy or fit, then all other logged metrics, with `more` the further ones,
    and last a learning rate that changes.
    """
    if view is None or view.history.attempt is None:
        return ("loss", "accuracy")
    history = view.history
    found = dict.fromkeys(["loss", "fit" if view.inside == "fit" else view.main_metric, *history.points.metrics])
    found.update(history.metric_names)
    found.update(dict.fromkeys(history.more_names if more else ()))
    # The loss of a regression is its mean squared error, where the model has none of its own: one chart says it.
    if view.inside == "fit" and not history.own_loss:
        found.pop("mse", None)
    found.pop("lr", None)
    return (*found, "lr") if _moves(history.points.lr) else tuple(found)


def _moves(rates: Sequence[float]) -> bool:
    import numpy as np

    known = np.asarray(rates, dtype=np.float64)
    return bool(len(known)) and bool(np.nanmin(known) < np.nanmax(known))


def title(view: RunView | None, name: str) -> str:
    if name == "loss" and view is not None and view.inside == "fit" and not view.history.own_loss:
        return "loss (mean squared error)"
    known = safe(registry.title(name))
    # "AUROC" and "F1" stay as they are.
    known = known[:1].lower() + known[1:] if known[1:2].islower() else known
    return TITLES.get(name, f"{known} %" if name.endswith("accuracy") else known)


def empty_chart(view: RunView | None, name: str) -> Chart:
    """The chart before the first step."""
    end = float(view.summary.epochs or 1) if view else 1.0
    return Chart(title(view, name), (), end, note=NOTE if name == "loss" else "")


def _training(history: History, axis: Axis, name: str, factor: float) -> Series:
    """The training series with points within epochs; the loss with its extremes. A metric that is not logged with every
    point has no gaps there.
    """
    points = history.points
    x = axis.of(points.steps)
    if name == "loss":
        return Series("train", x, points.loss, "train", "━", "raw", points.loss_min, points.loss_max)  # type: ignore[arg-type]
    values = points.lr if name == "lr" else points.metrics.get(name, ())
    return Series("train" if name != "lr" else "lr", x, _scaled(values, factor), "train", "━", "raw", gaps=False)  # type: ignore[arg-type]


def _validation(history: History, axis: Axis, name: str, factor: float) -> Series:
    """The validation series with a point per epoch; the training values for a metric known only there."""
    records = [history.epochs[epoch] for epoch in sorted(history.epochs)]
    validations = [(record.step, {**record.more, **record.validation}) for record in records]
    known = [(step, values[name]) for step, values in validations if name in values]
    split = "validation"
    if not known and name not in history.points.metrics and name != "loss":
        known = [(record.step, record.train[name]) for record in records if name in record.train]
        split = "train"
    steps, values = zip(*known, strict=True) if known else ((), ())
    mark = "●" if split == "validation" else "━"
    return Series(split, axis.of(steps), _scaled(values, factor), split, mark)  # type: ignore[arg-type]


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


def _scaled(values: Sequence[float], factor: float) -> Sequence[float]:
    import numpy as np

    scaled: Sequence[float] = np.asarray(values, dtype=np.float64) * factor  # type: ignore[assignment]
    return scaled


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
