"""The charts of a run: loss and accuracy of both splits, or loss and fit of a regression, and every other metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dltui.tui.draw.chart_data import Chart, Series
from dltui.tui.draw.colors import RunColor, run_colors
from dltui.tui.draw.run_charts import series as run_series
from dltui.tui.draw.run_charts.axis import Axis, axis_of
from dltui.tui.draw.run_charts.fit import fit_chart
from dltui.tui.run_page.curves.curve_view import CurveView, Extent

if TYPE_CHECKING:
    from dltui.tui.base.overlays import Overlaid
    from dltui.tui.draw.raster import Array
    from dltui.tui.run_page.view import RunView

NOTE = "begins with the first step"


@dataclass(frozen=True)
class Curves:
    """A run, the view settings, and the overlaid runs: makes the chart of each metric."""

    view: RunView
    curve_view: CurveView
    others: tuple[Overlaid, ...]
    axis: Axis
    run_colors: dict[str, RunColor]

    @cached_property
    def _x(self) -> Array:
        """The places of the training points, which all charts have."""
        return self.axis.of(self.view.history.points.steps)

    def chart(self, name: str, chosen: bool = False) -> Chart:
        if name == "fit":
            return replace(fit_chart(self.view.fit), chosen=chosen)
        history, factor = self.view.history, run_series.factor_of(name)
        first, last = map(self.axis.at, self.curve_view.shown(extent(self.view)))
        cursor = self.curve_view.cursor
        return Chart(
            title(self.view, name),
            (*self._laid_over(name), *run_series.own(history, self.axis, name, self._x)),
            last if last > first else first + 1,
            first,
            best=run_series.best(history, self.axis, name),
            x_name=self.axis.name,
            epochs=self.axis.whole,
            ceiling=100.0 if factor == 100.0 else None,
            log=self.curve_view.log and factor == 1.0,
            marks=tuple((self.axis.at(step), "▲", "warn") for step, _ in history.lr_changes),
            note=NOTE,
            smoothing=self.curve_view.smoothing if name != "lr" else 0.0,
            cursor=None if cursor is None else self.axis.at(cursor),
            chosen=chosen,
        )

    def _laid_over(self, name: str) -> list[Series]:
        """The series of the other runs. The ghost is gray."""
        laid = []
        for other in self.others:
            style, mark = self.run_colors[other.id]
            style = "dim" if other.id == self.curve_view.ghost else style
            axis = axis_of(other.history, self.curve_view.axis)
            laid.append(run_series.laid_over(other.history, axis, name, other.name, style, mark))
        return [series for series in laid if series is not None]


def curves_of(view: RunView, curve_view: CurveView, others: tuple[Overlaid, ...]) -> Curves:
    left = view.progress.left if view.progress else None
    known = tuple(other for other in others if other.history.attempt is not None)
    return Curves(view, curve_view, known, axis_of(view.history, curve_view.axis, left), run_colors(curve_view.others))


def extent(view: RunView) -> Extent:
    """The length of the run."""
    planned = view.history.attempt.total_steps if view.history.attempt else 1
    return Extent(float(view.history.step if view.history.attempt else 0), float(max(planned, 1)))


def names(view: RunView | None, more: bool = False) -> tuple[str, ...]:
    """The names of the charts; before the run trains those that most runs have."""
    if view is None or view.history.attempt is None:
        return ("loss", "accuracy")
    return run_series.names(view.history, view.inside, view.main_metric, more)


def title(view: RunView | None, name: str) -> str:
    return run_series.title(name, view is not None and view.inside == "fit" and not view.history.own_loss)


def empty_chart(view: RunView | None, name: str, chosen: bool = False) -> Chart:
    """The chart before the first step."""
    end = float(view.summary.epochs or 1) if view else 1.0
    return Chart(title(view, name), (), end, note=NOTE if name == "loss" else "", chosen=chosen)
