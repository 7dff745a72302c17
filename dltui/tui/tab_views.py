"""What each tab of a run shows, and where one has scrolled to in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from dltui.tui.ink import Row, fit, safe
from dltui.tui.looking import Looking
from dltui.tui.widgets import timeline
from dltui.tui.widgets.chart_grid import chart_grid
from dltui.tui.widgets.confusion import classes, confusion
from dltui.tui.widgets.curves import fit_chart
from dltui.tui.widgets.structure import structure

if TYPE_CHECKING:
    from dltui.tui.overlays import Overlaid
    from dltui.tui.services import Services
    from dltui.tui.terminal import Look
    from dltui.tui.view import RunView

EXPLANATIONS = {
    "Curves": "loss and accuracy, or loss and fit",
    "Confusion": "what is taken for what; of a regression, the fit",
    "Classes": "precision and recall of each class; of a regression, the residuals",
    "Structure": "the layers of the model",
    "Log": "what happened, and what the process printed",
}
NOT_YET = "after the first epoch: what it takes for what"


class Tab(Enum):
    """The tabs by the names on them."""

    CURVES = "Curves"
    CONFUSION = "Confusion"
    CLASSES = "Classes"
    STRUCTURE = "Structure"
    LOG = "Log"

    @property
    def explanation(self) -> str:
        return EXPLANATIONS[self.value]

    def title(self, view: RunView | None) -> str:
        """A regression confuses nothing: there the tab shows the fit."""
        if view is not None and view.regression:
            return {"Confusion": "Fit", "Classes": "Residuals"}.get(self.value, self.value)
        return self.value


TABS = tuple(Tab)


@dataclass
class TabState:
    """Which tab is open and how."""

    tab: Tab = Tab.CURVES
    looking: Looking = field(default_factory=Looking)
    others: tuple[Overlaid, ...] = ()
    output: bool = False
    at: dict[Tab, int] = field(default_factory=dict)

    def choose(self, tab: Tab) -> None:
        self.tab = tab

    def key(self) -> tuple[object, ...]:
        """All of it as one value: the same key shows the same."""
        return (self.tab, self.looking, self.others, self.output, self.at.get(self.tab, 0))

    def wants(self) -> frozenset[str]:
        """What the reading thread must bring for this tab."""
        wants = {"inside"} if self.tab in (Tab.CONFUSION, Tab.CLASSES) else set()
        return frozenset(wants | ({"output"} if self.tab is Tab.LOG and self.output else set()))

    def hint(self) -> Row:
        """The keys of the open tab."""
        if self.tab is Tab.CURVES:
            hints = [("g", "linear" if self.looking.log else "log"), ("z", "grid" if self.looking.alone else "zoom")]
        elif self.tab is Tab.LOG:
            hints = [("o", "events" if self.output else "output")]
        else:
            return []
        row: Row = []
        for key, label in hints:
            row += [(key, "key"), (f" {label}  ", "dim")]
        return row

    def scroll(self, by: int, view: RunView | None) -> None:
        """Down is forward; the log counts from its end."""
        here = self.at.get(self.tab, 0)
        self.at[self.tab] = min(max(here - by if self.tab is Tab.LOG else here + by, 0), _length(self, view))


def _length(state: TabState, view: RunView | None) -> int:
    """How far one can scroll at most."""
    if view is None:
        return 0
    if state.tab is Tab.LOG:
        return max(len(view.output if state.output else timeline.timeline(view.history)) - 1, 0)
    if state.tab is Tab.STRUCTURE:
        return max(len(view.history.attempt.layers) - 1, 0) if view.history.attempt else 0
    return max(len(view.matrix.classes) - 1, 0) if view.matrix else 0


def draw_tab(
    state: TabState, view: RunView | None, width: int, height: int, look: Look, services: Services
) -> list[Row]:
    """The open tab."""
    first = state.at.get(state.tab, 0)
    if state.tab is Tab.CURVES:
        return chart_grid(view, state.looking, state.others, width, height, look)
    if view is None:
        return []
    if view.regression and state.tab in (Tab.CONFUSION, Tab.CLASSES):
        return _regression(state.tab, view, width, height, look)
    if state.tab is Tab.CONFUSION:
        return confusion(view.matrix, width, height, first, NOT_YET)
    if state.tab is Tab.CLASSES:
        return classes(view.matrix, width, height, first, NOT_YET)
    if state.tab is Tab.STRUCTURE:
        return structure(view.history.attempt, width, height, first)
    return _log(state, view, width, height, first, services)


def _log(state: TabState, view: RunView, width: int, height: int, back: int, services: Services) -> list[Row]:
    if state.output:
        end = max(len(view.output) - back, min(height - 1, len(view.output)))
        lines = view.output[max(0, end - height + 1) : end]
        head: Row = [(" output ", "heading"), (" what the process printed", "dim")]
        return [head, *(fit([(" " + safe(line), "")], width) for line in lines)]
    lines_ = timeline.timeline(view.history)
    head = [(" events ", "heading"), (f" what happened, {len(lines_)} lines", "dim")]
    return [
        head,
        *timeline.rows(lines_, width, height - 1, back, lambda when: services.time_of_day(when, seconds=True)),
    ]


def _regression(tab: Tab, view: RunView, width: int, height: int, look: Look) -> list[Row]:
    from dltui.tui.widgets.chart import draw
    from dltui.tui.widgets.curves import residual_chart

    if view.fit is None:
        return [[], [("  after the first epoch", "dim")]]
    if tab is Tab.CLASSES:
        return draw(residual_chart(view.fit), width - 1, height, look)
    line = view.fit.line
    text = f" y = {line[0]:.4f} x {'+' if line[1] >= 0 else '-'} {abs(line[1]):.4f}" if line else ""
    facts: Row = [(text, "bold"), (f"   residuals {view.fit.spread:.4f} (standard deviation)", "dim")]
    return [*draw(fit_chart(view.fit), width - 1, height - 1, look), fit(facts, width)]
