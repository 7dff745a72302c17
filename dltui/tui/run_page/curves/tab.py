"""The keys of the curves: which part, over what, how smooth, which other runs, and the run as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.tui.base.page import bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.run_keys import RunActions
from dltui.tui.draw.styled_text import Row, ends
from dltui.tui.run_page.tabs import Tab, TabState

if TYPE_CHECKING:
    from dltui.tui.run_page.curves.curve_view import Looking
    from dltui.tui.run_page.curves.replay import Replay
    from dltui.tui.run_page.view import RunView

AXES = {"epochs": "epochs", "steps": "steps", "time": "the time spent in training"}


class CurveActions(RunActions):
    """What is looked at stands in `state`; `view` is the run as it is, `shown` as it is looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("z,enter", "zoom", "zoom", "one chart over the whole width, or all of them"),
        bind("g", "log_scale", "log scale", "logarithmic loss"),
        bind("m", "smooth", "smoothing", "how much the training curves are averaged: 0.6, 0.9, 0.98, not at all"),
        bind("x", "axis", "x axis", "over epochs, steps or the time spent in training"),
        bind("f", "window", "full or recent", "the whole run, or the last tenth of it"),
        bind(
            "plus,equals_sign", "closer(0.5)", "closer", "half as much of the run, around the cursor or its newest part"
        ),
        bind("minus", "closer(2.0)", "farther", "twice as much of the run"),
        bind("comma", "pan(-1)", "to the left", "an earlier part of the run"),
        bind("full_stop", "pan(1)", "to the right", "a later part of the run"),
        bind("left", "point(-1)", "cursor left", "the values at one place, in all charts; Esc takes the cursor away"),
        bind("right", "point(1)", "cursor right"),
        bind("shift+left", "point(-10)", "cursor far left"),
        bind("shift+right", "point(10)", "cursor far right"),
        bind("v", "overlay", "overlay runs", "overlay the curves of other runs, or race against one"),
        bind(
            "left_square_bracket", "epoch(-1)", "epoch back", "the run as it was after the epoch before; End = as it is"
        ),
        bind("right_square_bracket", "epoch(1)", "epoch forward"),
        bind("P", "replay", "replay", "play the run from its start, at 1x, 4x, 16x, 1/8x; the run is not touched"),
        bind(
            "C",
            "cost",
            "cost",
            "what watching costs: bytes to the terminal, load, pace",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.view: RunView | None = None
        self.state = TabState()
        self.replay: Replay | None = None
        self.cost_shown = False
        self._past: tuple[RunView, Replay, RunView] | None = None

    @property
    def shown(self) -> RunView | None:
        """The run as it is, or as it was."""
        if self.replay is None or self.view is None:
            return self.view
        if self._past is None or self._past[0] is not self.view or self._past[1].step != self.replay.step:
            from dltui.tui.run_page.curves.replay import view_of

            self._past = (self.view, self.replay, view_of(self.view, self.replay))
        return self._past[2]

    def choose_chart(self, by: int) -> None:
        from dltui.tui.run_page.curves.curves import names

        self._look_at(self.state.looking.chosen(by, len(names(self.shown))))

    def go_back(self) -> bool:
        """Leave, one after the other, the cursor, the past, the single chart; False when there is none of them."""
        looking = self.state.looking
        if self.state.tab is Tab.CURVES and looking.cursor is not None:
            self._look_at(replace(looking, cursor=None))
        elif self.replay is not None:
            self.to_present()
        elif self.state.tab is Tab.CURVES and looking.alone:
            self._look_at(replace(looking, alone=False))
        else:
            return False
        return True

    def to_present(self) -> None:
        """Show the run as it is."""
        self.replay = self._past = None
        self.redraw()

    def play(self, now: float) -> None:
        """Called at each tick."""
        if self.replay is None or self.view is None or not self.replay.speed:
            return
        self.replay = self.replay.moved(self.view.history, now)
        if self.replay is None:
            self._past = None
            self.notice.say("the replay is over: this is the run as it is; P plays it again", "accent")
        self.redraw()

    def past_row(self, width: int) -> Row:
        """In place of the progress: which moment is shown, and how to come back."""
        from dltui.tui.run_page.curves.replay import past_row

        if self.view is None or self.shown is None or self.replay is None:
            return []
        return past_row(self.view, self.shown, self.replay, width)

    def curve_idle(self, width: int) -> Row:
        """What watching costs, what the cursor points at, or how the race against the ghost stands."""
        from dltui.tui.run_page.curves.notes import cost_note, cursor_note, race_note

        if self.cost_shown:
            meter = self.dltui.meter
            return cost_note(meter.cost() if meter is not None else None, self.view)
        view, looking = self.shown, self.state.looking
        if view is None or view.history.attempt is None or self.state.tab is not Tab.CURVES:
            return []
        if looking.cursor is not None:
            return ends(cursor_note(view, looking.cursor), [("Esc ", "key"), ("ends it ", "dim")], width)
        return race_note(view, self.state.others, looking.ghost, width)

    def _look_at(self, looking: Looking) -> None:
        self.state.looking = looking
        self.redraw()

    def _extent(self, change: Callable[..., Looking], *values: float) -> None:
        """Look as `change` says, given how long the run is."""
        from dltui.tui.run_page.curves.curves import extent

        if self.shown is not None:
            self._look_at(change(*values, extent(self.shown)))

    def action_log_scale(self) -> None:
        self._look_at(replace(self.state.looking, log=not self.state.looking.log))

    def action_zoom(self) -> None:
        if self.state.tab is Tab.CURVES:
            self._look_at(replace(self.state.looking, alone=not self.state.looking.alone))

    def action_smooth(self) -> None:
        self._look_at(self.state.looking.smoother())
        strength = self.state.looking.smoothing
        self.notice.say(f"moving average {strength:g}" if strength else "no moving average: what was measured")

    def action_axis(self) -> None:
        self._look_at(self.state.looking.turned())
        self.notice.say(f"curves over {AXES[self.state.looking.axis]}")

    def action_window(self) -> None:
        self._look_at(self.state.looking.windowed())
        self.notice.say("the last tenth of the run" if self.state.looking.recent else "the whole run")

    def action_closer(self, factor: float) -> None:
        self._extent(self.state.looking.zoomed, factor)

    def action_pan(self, by: int) -> None:
        self._extent(self.state.looking.panned, by)

    def action_point(self, by: int) -> None:
        from dltui.tui.run_page.curves.chart_grid import plot_width
        from dltui.tui.run_page.curves.curves import names

        if self.state.tab is Tab.CURVES and self.shown is not None and self.shown.history.attempt is not None:
            size = self.query_one("#tab", Rows).size
            cells = plot_width(self.state.looking, len(names(self.shown)), size.width, size.height)
            self._extent(self.state.looking.pointed, by, cells)

    def action_overlay(self) -> None:
        from dltui.tui.run_page.curves.overlay_page import OverlayPage

        if self.view is not None:
            self.app.push_screen(OverlayPage(self.view.summary, self.state.looking, self.overlay))

    def overlay(self, looking: Looking) -> None:
        """Lay the runs that `looking` names over this one."""
        raise NotImplementedError

    def action_epoch(self, by: int) -> None:
        from dltui.tui.run_page.curves.replay import epoch_after, epoch_before, held

        if self.view is None or not self.view.history.epochs:
            self.notice.say("no epoch is over yet", "bad")
            return
        history = self.view.history
        here = self.replay.step if self.replay is not None else float(history.step) + 0.5
        there = epoch_before(history, here) if by < 0 else epoch_after(history, here)
        if there is None:
            self.to_present()
            return
        self.replay = held(history, there)
        self.redraw()

    def action_replay(self) -> None:
        from dltui.tui.run_page.curves.replay import begun

        if self.view is None or not len(self.view.history.points):
            self.notice.say("nothing to play yet: the first step is to come", "bad")
            return
        now = self.dltui.services.clock()
        self.replay = begun(now) if self.replay is None else self.replay.faster(now)
        self.redraw()

    def action_cost(self) -> None:
        self.cost_shown = not self.cost_shown
        self.redraw()
