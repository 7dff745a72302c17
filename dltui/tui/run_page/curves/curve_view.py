"""The view settings of the curves: part of the run, x axis, smoothing. Plain values, no screen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dltui.tui.draw.run_charts.axis import AxisName

AXES: tuple[AxisName, ...] = ("epochs", "steps", "time")
SMOOTHINGS = (0.6, 0.9, 0.98, 0.0)
# Of the whole run.
RECENT = 0.1
# A recent window goes on by this part of its width, so that it stands still in between.
ADVANCE = 0.25
PAN = 0.25
CLOSEST = 1e-4


@dataclass(frozen=True)
class Extent:
    """The length of a run in steps: done and planned."""

    done: float
    planned: float


@dataclass(frozen=True)
class CurveView:
    """The view settings: `span` (first and last step) and `cursor` (a step) apply to all charts, whatever
    their axis.
    """

    log: bool = False
    axis: AxisName = "epochs"
    smoothing: float = SMOOTHINGS[0]
    recent: bool = False
    span: tuple[float, float] | None = None
    cursor: float | None = None
    chart: int = 0
    alone: bool = False
    more: bool = False
    """Charts also of the further metrics."""
    others: tuple[str, ...] = ()
    ghost: str = ""

    def shown(self, extent: Extent) -> tuple[float, float]:
        """The first and last step of the charts."""
        if self.span is not None:
            return self.span
        if not self.recent:
            return 0.0, extent.planned
        width = max(extent.planned * RECENT, 1.0)
        hop = width * ADVANCE
        return _inside(math.ceil((extent.done - width) / hop) * hop, width, extent.planned)

    def smoother(self) -> CurveView:
        """The view with the next strength of the moving average; after the strongest comes none."""
        return replace(self, smoothing=SMOOTHINGS[(SMOOTHINGS.index(self.smoothing) + 1) % len(SMOOTHINGS)])

    def turned(self) -> CurveView:
        """The view with the next axis."""
        return replace(self, axis=AXES[(AXES.index(self.axis) + 1) % len(AXES)])

    def windowed(self) -> CurveView:
        """The view switched between the whole run and its recent part."""
        whole = not self.recent and self.span is None
        return replace(self, recent=whole, span=None)

    def zoomed(self, factor: float, extent: Extent) -> CurveView:
        """The view with `factor` times as much of the run, around the cursor or the latest step."""
        first, last = self.shown(extent)
        width = max((last - first) * factor, extent.planned * CLOSEST, 1.0)
        if width >= extent.planned * 0.999:
            return replace(self, span=None, recent=False)
        center = min(max(extent.done if self.cursor is None else self.cursor, first), last)
        share = (center - first) / (last - first)
        return replace(self, span=_inside(center - share * width, width, extent.planned))

    def panned(self, by: int, extent: Extent) -> CurveView:
        """The view moved by a quarter of its width; the whole run does not move."""
        first, last = self.shown(extent)
        width = last - first
        if width >= extent.planned * 0.999:
            return self
        return replace(self, span=_inside(first + by * PAN * width, width, extent.planned))

    def pointed(self, by: int, cells: int, extent: Extent) -> CurveView:
        """The view with the cursor moved by cells of a chart that is `cells` wide; the first key puts it on the last
        value. At the edge of a window the window moves along.
        """
        first, last = self.shown(extent)
        if self.cursor is None:
            cursor = min(extent.done, last)
        else:
            cursor = min(max(self.cursor + by * (last - first) / max(cells, 1), 0.0), extent.done)
        moved = replace(self, cursor=cursor)
        if cursor < first or cursor > last:
            width = last - first
            moved = replace(moved, span=_inside(cursor - width / 2, width, extent.planned))
        return moved

    def chosen(self, by: int, charts: int) -> CurveView:
        return replace(self, chart=(self.chart + by) % max(charts, 1))

    def toggled(self, run: str) -> CurveView:
        """The view with another run laid over this run, or removed."""
        if run in self.others:
            kept = tuple(one for one in self.others if one != run)
            return replace(self, others=kept, ghost="" if self.ghost == run else self.ghost)
        return replace(self, others=(*self.others, run))

    def with_ghost(self, run: str) -> CurveView:
        """The view with this overlaid run as the ghost, the time to beat; if it is already the ghost, as a plain
        overlay.
        """
        if self.ghost == run:
            return replace(self, ghost="")
        others = self.others if run in self.others else (*self.others, run)
        return replace(self, others=others, ghost=run)


def _inside(first: float, width: float, planned: float) -> tuple[float, float]:
    first = min(max(first, 0.0), max(planned - width, 0.0))
    return first, first + width
