"""The Curves tab and its keys: part of the run, x axis, smoothing, overlaid runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.tui.draw.run_charts.axis import axis_of
from dltui.tui.draw.styled_text import Row, ends
from dltui.tui.run_page.curves.chart_grid import LEAST_HEIGHT, chart_grid, moment, place_at, plot_width
from dltui.tui.run_page.curves.curve_view import CurveView
from dltui.tui.run_page.curves.curves import extent, names
from dltui.tui.run_page.curves.fault import failed_early, fault_rows, reason_rows, told_above
from dltui.tui.run_page.curves.notes import cursor_note, race_note
from dltui.tui.run_page.tab import Keys, Tab

if TYPE_CHECKING:
    from dltui.tui.base.overlays import Overlaid
    from dltui.tui.base.page import Page
    from dltui.tui.run_page.watched_run import WatchedRun

MOST_REASON = 6
"""Rows above the curves of a run that failed."""
LEAST_CHART = 6
WHEEL = 1.25
"""How much more of the run a turn of the wheel shows."""
AXES = {"epochs": "epochs", "steps": "steps", "time": "the time spent in training"}


class CurvesTab(Tab):
    """The tab; `curve_view` are the view settings, `others` the overlaid runs; `lay_over` requests them."""

    name = "Curves"

    def __init__(self, page: Page, run: WatchedRun, lay_over: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__(page, run)
        self.curve_view = CurveView()
        self.others: tuple[Overlaid, ...] = ()
        self._lay_over = lay_over
        self.answers = {
            "z": self.enter,
            "shift+left": lambda: self.aside(-10),
            "shift+right": lambda: self.aside(10),
        }
        self.answers_everywhere = {
            "g": lambda: self._look(replace(self.curve_view, log=not self.curve_view.log)),
            "m": self._smooth,
            "M": self._show_more,
            "x": self._turn_axis,
            "plus": lambda: self._look_within(self.curve_view.zoomed, 0.5),
            "minus": lambda: self._look_within(self.curve_view.zoomed, 2.0),
            "comma": lambda: self._look_within(self.curve_view.panned, -1),
            "full_stop": lambda: self._look_within(self.curve_view.panned, 1),
            "v": self._choose_others,
        }

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """True for a run that failed before its first step: only its reason is shown."""
        return failed_early(self.run.view)

    @property
    def hints(self) -> Keys:
        if failed_early(self.run.view):
            return ()
        return (("g", "linear" if self.curve_view.log else "log"), ("z", "grid" if self.curve_view.alone else "zoom"))

    def key(self, width: int, height: int) -> tuple[object, ...]:
        ended = self.run.view.content if self.run.view is not None and self.run.view.ended else None
        return (self.curve_view, self.others, ended, *moment(self.run.shown, self.curve_view, width, height))

    def rows(self, width: int, height: int) -> list[Row]:
        view = self.run.view
        if view is not None and failed_early(view):
            return fault_rows(view, width, height)
        # In a small terminal a chart is worth more than the end of a reason.
        most = MOST_REASON if height >= LEAST_HEIGHT else height - LEAST_CHART
        told = view is None or most <= 0 or told_above(view, width)
        above = [] if told or view is None else reason_rows(view, width)[:most]
        room = height - len(above)
        return [*above, *chart_grid(self.run.shown, self.curve_view, self.others, width, room, self.page.host.look)]

    def idle(self, width: int) -> Row:
        """The values under the cursor, or the race against the ghost."""
        view = self.run.shown
        if view is None or view.history.attempt is None:
            return []
        if self.curve_view.cursor is not None:
            return ends(cursor_note(view, self.curve_view.cursor), [("Esc ", "key"), ("ends it ", "dim")], width)
        return race_note(view, self.others, self.curve_view.ghost, width)

    def scroll(self, by: int) -> None:
        """Choose the next or previous chart for a step of 1; return to the present for larger steps."""
        if abs(by) == 1:
            self._look(self.curve_view.chosen(by, len(names(self.run.shown, self.curve_view.more))))
        else:
            self.run.to_present()

    def aside(self, by: int) -> None:
        """Move the cursor by cells."""
        view = self.run.shown
        if view is not None and view.history.attempt is not None:
            cells = plot_width(self.curve_view, len(names(view, self.curve_view.more)), *self.size)
            self._look_within(self.curve_view.pointed, by, cells)

    def clicked(self, row: Row, x: int, y: int) -> None:
        """Put the cursor where the click was in a chart, and choose that chart."""
        view = self.run.shown
        if view is None or view.history.attempt is None or failed_early(self.run.view):
            return
        count = len(names(view, self.curve_view.more))
        found = place_at(row, self.curve_view, count, self.size, x, y)
        if found is None:
            return
        chart, share = found
        first, last = self.curve_view.shown(extent(view))
        axis = axis_of(view.history, self.curve_view.axis, view.progress.left if view.progress else None)
        cursor = axis.step_at(axis.at(first) + share * (axis.at(last) - axis.at(first)))
        self._look(replace(self.curve_view, cursor=min(max(cursor, 0.0), extent(view).done), chart=chart))

    def wheel(self, by: int) -> bool:
        """Zoom around the cursor, or the newest part."""
        if not failed_early(self.run.view):
            self._look_within(self.curve_view.zoomed, WHEEL**by)
        return True

    def enter(self) -> None:
        """Show the chosen chart over the whole area, or all charts."""
        self._look(replace(self.curve_view, alone=not self.curve_view.alone))

    def filter(self) -> None:
        """Switch between the whole run and the last tenth of it."""
        self._look(self.curve_view.windowed())
        self.page.notice.say("the last tenth of the run" if self.curve_view.recent else "the whole run")

    def back(self) -> bool:
        """Leave, one after the other, the cursor, the past and the single chart; False when there is nothing
        to leave.
        """
        if self.curve_view.cursor is not None:
            self._look(replace(self.curve_view, cursor=None))
        elif self.run.replay is not None:
            self.run.to_present()
        elif self.curve_view.alone:
            self._look(replace(self.curve_view, alone=False))
        else:
            return False
        return True

    def _look(self, curve_view: CurveView) -> None:
        self.curve_view = curve_view
        self.page.redraw()

    def _look_within(self, change: Callable[..., CurveView], *values: float) -> None:
        """Change the view settings by `change`, which gets the extent of the run."""
        if self.run.shown is not None:
            self._look(change(*values, extent(self.run.shown)))

    def _smooth(self) -> None:
        self._look(self.curve_view.smoother())
        strength = self.curve_view.smoothing
        self.page.notice.say(f"moving average {strength:g}" if strength else "no moving average: what was measured")

    def _show_more(self) -> None:
        view = self.run.shown
        further = view.history.more_names if view is not None else ()
        if not further:
            self.page.notice.say("no further metrics: they come with the first evaluation")
            return
        self._look(replace(self.curve_view, more=not self.curve_view.more, chart=0))
        said = f"and {', '.join(map(safe, further))}" if self.curve_view.more else "the usual metrics"
        self.page.notice.say(said)

    def _turn_axis(self) -> None:
        self._look(self.curve_view.turned())
        self.page.notice.say(f"curves over {AXES[self.curve_view.axis]}")

    def _choose_others(self) -> None:
        from dltui.tui.run_page.curves.overlay_page import OverlayPage

        if self.run.view is not None:
            self.page.app.push_screen(OverlayPage(self.run.view.summary, self.curve_view, self._overlay))

    def _overlay(self, curve_view: CurveView) -> None:
        self.curve_view = curve_view
        self._lay_over(curve_view.others)
