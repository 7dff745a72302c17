"""Figures of a sweep: best value by epochs spent, parallel coordinates, importance, the result over each value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from dltui.core.analysis.trials import findings, trial
from dltui.core.analysis.trials.plan import described
from dltui.core.numbers import metric, rounded
from dltui.core.text import clean_line
from dltui.exports.figures import style
from dltui.exports.figures.axes import metric_axis
from dltui.exports.figures.style import BLUE, INK, MARGIN, MUTED, RULE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.trials.space import Dimension
    from dltui.core.analysis.trials.trial import Trial
    from dltui.core.sweep.view import SweepView

HEIGHT = 3.3
LEFT, BOTTOM = 0.62, 0.52
PER_ROW = 3
SLICE_HEIGHT = 2.1


def best_so_far(found: SweepView) -> Figure:
    """The best value by the epochs that all trials together have spent."""
    figure, axes = _single(found, "Best value so far")
    points = findings.best_so_far(found.trials)
    axes.step([spent for spent, _ in points], [value for _, value in points], where="post", color=BLUE, linewidth=1.6)
    # The last one may only lead to the end of the epochs.
    better = [point for place, point in enumerate(points) if place == 0 or point[1] != points[place - 1][1]]
    axes.plot([spent for spent, _ in better], [value for _, value in better], "o", color=BLUE, markersize=3)
    metric_axis(axes, _metric(found), [value for _, value in points])
    most = found.plan.most_epochs
    axes.set_xlabel("epochs spent" if most is None else f"epochs spent, of {most:,} without pruning")
    axes.set_ylabel(f"validation {_metric(found)}")
    axes.set_xlim(0, max(points[-1][0] if points else 1, 2) * 1.02)
    axes.grid(axis="y")
    return figure


def parallel(found: SweepView) -> Figure:
    """A line for each trial through its values and its result; a quarter of them, the best, in blue."""
    figure = style.page(HEIGHT + 0.3)
    top = style.heading(figure, "Values and results", _subtitle(found))
    axes = style.place(figure, LEFT, BOTTOM, style.WIDTH - 2 * LEFT, top - BOTTOM - 0.3)
    known = [one for one in trial.order(found.trials) if one.best is not None]
    low, high = _range(known)
    count = findings.good_ones(known)
    for rank, one in reversed(list(enumerate(known))):
        places = [_place(dimension, one) for dimension in found.plan.space]
        places.append(((one.best or 0.0) - low) / (high - low) if high > low else 0.5)
        color = VERMILION if rank == 0 else BLUE if rank < count else RULE
        axes.plot(places, color=color, linewidth=1.6 if rank == 0 else 0.9, alpha=0.9, zorder=3 if rank < count else 2)
    names = [*(one.name for one in found.plan.space), _metric(found)]
    ends = [*(one.ends for one in found.plan.space), (metric(_metric(found), low), metric(_metric(found), high))]
    for place, (name, (below, above)) in enumerate(zip(names, ends, strict=True)):
        axes.axvline(place, color=INK, linewidth=0.8, zorder=4)
        axes.text(place, 1.04, clean_line(above), ha="center", va="bottom", fontsize=style.SMALL, color=MUTED)
        axes.text(place, -0.04, clean_line(below), ha="center", va="top", fontsize=style.SMALL, color=MUTED)
        axes.text(place, -0.13, clean_line(name), ha="center", va="top", fontsize=style.TEXT, color=INK)
    axes.set_xlim(-0.05, len(names) - 0.95)
    axes.set_ylim(0, 1)
    axes.axis("off")
    return figure


def importance(found: SweepView) -> Figure:
    """The share of the variance of the ranks that each hyperparameter alone explains."""
    shares = findings.importance(found.plan.space, found.trials)
    figure = style.page(1.35 + 0.3 * max(len(shares), 1))
    top = style.heading(figure, "Importance", _subtitle(found))
    axes = style.place(figure, 1.5, BOTTOM, style.WIDTH - 1.5 - MARGIN - 0.4, top - BOTTOM - 0.1)
    names = [clean_line(name, 24) for name, _ in reversed(shares)]
    axes.barh(names, [share for _, share in reversed(shares)], color=BLUE, height=0.62)
    for place, (_, share) in enumerate(reversed(shares)):
        axes.text(share + 0.01, place, f"{100 * share:.0f} %", va="center", fontsize=style.SMALL, color=INK)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xlabel("share of the variance of ranks" if shares else f"at least {findings.LEAST_TRIALS} trials tell")
    return figure


def slices(found: SweepView) -> Figure:
    """The result of each trial over each hyperparameter; pruned ones are pale."""
    space = found.plan.space
    lines = math.ceil(len(space) / PER_ROW)
    figure = style.page(0.62 + SLICE_HEIGHT * lines)
    top = style.heading(figure, "Results by value", _subtitle(found))
    columns = min(len(space), PER_ROW)
    width = (style.WIDTH - MARGIN) / columns
    for number, dimension in enumerate(space):
        row, column = divmod(number, PER_ROW)
        axes = style.place(
            figure, column * width + LEFT, top - (row + 1) * SLICE_HEIGHT + 0.5, width - LEFT - 0.1, SLICE_HEIGHT - 0.65
        )
        _slice(axes, found, dimension)
    return figure


def _slice(axes: Axes, found: SweepView, dimension: Dimension) -> None:
    known = [one for one in found.trials if one.best is not None]
    for pruned, color in ((True, MUTED), (False, BLUE)):
        of = [one for one in known if bool(one.pruned) == pruned]
        x = [_x(dimension, one) for one in of]
        axes.plot(x, [one.best or 0.0 for one in of], "o", color=color, markersize=3.2, alpha=0.8, markeredgewidth=0)
    metric_axis(axes, _metric(found), [one.best or 0.0 for one in known])
    if dimension.kind == "choice":
        axes.set_xticks(range(len(dimension.values)), [clean_line(rounded(one), 10) for one in dimension.values])
        axes.set_xlim(-0.5, len(dimension.values) - 0.5)
    elif dimension.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("e-0", "e-")))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(clean_line(dimension.name))
    axes.grid(axis="y")


def _x(dimension: Dimension, one: Trial) -> float:
    value = one.values.get(dimension.name)
    if dimension.kind == "choice":
        return float(dimension.values.index(value)) if value in dimension.values else math.nan
    return float(value) if isinstance(value, (int, float)) else math.nan


def _place(dimension: Dimension, one: Trial) -> float:
    place = dimension.place(one.values.get(dimension.name))
    return math.nan if place is None else place


def _range(known: list[Trial]) -> tuple[float, float]:
    values = np.array([one.best for one in known], dtype=float)
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _single(found: SweepView, title: str) -> tuple[Figure, Any]:
    figure = style.page(HEIGHT)
    top = style.heading(figure, title, _subtitle(found))
    return figure, style.place(figure, LEFT, BOTTOM, style.WIDTH - LEFT - MARGIN, top - BOTTOM - 0.1)


def _subtitle(found: SweepView) -> str:
    return clean_line(f"{found.plan.name}: {described(found.plan)}")


def _metric(found: SweepView) -> str:
    return clean_line(found.metric or "result")


FIGURES: dict[str, Callable[[SweepView], Figure]] = {
    "best_so_far": best_so_far,
    "parallel_coordinates": parallel,
    "importance": importance,
    "slices": slices,
}
