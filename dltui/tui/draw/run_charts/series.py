"""What a run's charts show: the names of its metrics, and the series of each over an axis."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dltui.core.tasks import registry
from dltui.core.text import safe
from dltui.tui.draw.chart_data import Form, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.reading.history import History
    from dltui.core.tasks.definition import Inside
    from dltui.tui.draw.raster import Array
    from dltui.tui.draw.run_charts.axis import Axis

TITLES = {"lr": "learning rate"}


def names(history: History, inside: Inside, main: str, more: bool = False) -> tuple[str, ...]:
    """The names of the charts: loss and accuracy or fit, then all other logged metrics, with `more` the further ones,
    and last a learning rate that changes. `main` is the metric beside the loss.
    """
    found = dict.fromkeys(["loss", "fit" if inside == "fit" else main, *history.points.metrics])
    found.update(history.metric_names)
    found.update(dict.fromkeys(history.more_names if more else ()))
    # The loss of a regression is its mean squared error, where the model has none of its own: one chart says it.
    if inside == "fit" and not history.own_loss:
        found.pop("mse", None)
    found.pop("lr", None)
    return (*found, "lr") if _moves(history.points.lr) else tuple(found)


def _moves(rates: Sequence[float]) -> bool:
    import numpy as np

    known = np.asarray(rates, dtype=np.float64)
    return bool(len(known)) and bool(np.fmin.reduce(known) < np.fmax.reduce(known))


def title(name: str, squared: bool = False) -> str:
    """The title of a chart; `squared` for a loss that is the mean squared error."""
    if name == "loss" and squared:
        return "loss (mean squared error)"
    known = safe(registry.title(name))
    # "AUROC" and "F1" stay as they are.
    known = known[:1].lower() + known[1:] if known[1:2].islower() else known
    return TITLES.get(name, f"{known} %" if name.endswith("accuracy") else known)


def factor_of(name: str) -> float:
    """The factor by which values are drawn: accuracies in percent."""
    return 100.0 if name.endswith("accuracy") else 1.0


def own(history: History, axis: Axis, name: str, x: Array) -> tuple[Series, ...]:
    """The series of a run itself that have values: training and validation. `x` are the places of the training
    points.
    """
    both = (training(history, name, x), validation(history, axis, name))
    return tuple(series for series in both if len(series.y))


def laid_over(history: History, axis: Axis, name: str, label: str, style: str, mark: str) -> Series | None:
    """The series of a run over another: its validation values, or its learning rates; None where it has none."""
    form: Form = "straight" if name == "lr" else "line"
    found = training(history, name, axis.of(history.points.steps)) if name == "lr" else validation(history, axis, name)
    return replace(found, name=label, style=style, mark=mark, form=form) if len(found.y) else None


def best(history: History, axis: Axis, name: str) -> tuple[float, float] | None:
    """The place of the best epoch on a chart."""
    found = history.best if name != "lr" else None
    values = {**found.more, **found.validation} if found else {}
    return (axis.at(found.step), values[name] * factor_of(name)) if found and name in values else None


def training(history: History, name: str, x: Array) -> Series:
    """The training series with points within epochs, at the places `x`; the loss with its extremes. A metric that is
    not logged with every point has no gaps there.
    """
    points, factor = history.points, factor_of(name)
    if name == "loss":
        return Series("train", x, points.loss, "train", "━", "raw", points.loss_min, points.loss_max)  # type: ignore[arg-type]
    values = points.lr if name == "lr" else points.metrics.get(name, ())
    return Series("train" if name != "lr" else "lr", x, _scaled(values, factor), "train", "━", "raw", gaps=False)  # type: ignore[arg-type]


def validation(history: History, axis: Axis, name: str) -> Series:
    """The validation series with a point per epoch; the training values for a metric known only there."""
    records = [history.epochs[epoch] for epoch in sorted(history.epochs)]
    values = [(record.step, record.validation.get(name, record.more.get(name))) for record in records]
    known = [(step, value) for step, value in values if value is not None]
    split = "validation"
    if not known and name not in history.points.metrics and name != "loss":
        known = [(record.step, record.train[name]) for record in records if name in record.train]
        split = "train"
    steps, found = zip(*known, strict=True) if known else ((), ())
    mark = "●" if split == "validation" else "━"
    return Series(split, axis.of(steps), _scaled(found, factor_of(name)), split, mark)  # type: ignore[arg-type]


def _scaled(values: Sequence[float], factor: float) -> Sequence[float]:
    import numpy as np

    scaled: Sequence[float] = np.asarray(values, dtype=np.float64) * factor  # type: ignore[assignment]
    return scaled
