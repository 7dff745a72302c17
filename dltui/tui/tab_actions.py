"""The keys of all tabs of a run together: those that mean one thing on the curves and another inside of a model."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from dltui.tui.curve_actions import CurveActions
from dltui.tui.inside_actions import InsideActions
from dltui.tui.page import bind
from dltui.tui.tab_views import Tab


class TabActions(InsideActions, CurveActions):
    """Passes a key on to what the open tab does with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "aside(-1)", "left", "curves: a cursor, Esc takes it away; confusion and mistakes: to the left"),
        bind("right", "aside(1)", "right", "curves: a cursor; confusion and mistakes: to the right"),
        bind("enter", "look_inside", "show", "curves: one chart, or all; a cell or a class: the mistakes in it"),
        bind("f", "filter", "filter / window", "curves: all or the last tenth; mistakes: those of the same classes"),
    ]

    def go_back(self) -> bool:
        """Also from mistakes to the cell or the class that they were opened from."""
        if self.state.tab is Tab.MISTAKES and self.state.origin is not None:
            self.show_tab(self.state.origin)
            return True
        return super().go_back()

    def action_aside(self, by: int) -> None:
        if self.state.tab is Tab.CURVES:
            self.action_point(by)
        else:
            super().action_aside(by)

    def action_look_inside(self) -> None:
        if self.state.tab is Tab.CURVES:
            self.action_zoom()
        else:
            super().action_look_inside()

    def action_filter(self) -> None:
        if self.state.tab is Tab.CURVES:
            self.action_window()
        else:
            super().action_filter()
