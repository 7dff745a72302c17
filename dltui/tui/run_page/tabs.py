"""What each tab of a run shows, and where one has scrolled to in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from dltui.core.analysis.mistakes import Filter
from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, fit
from dltui.tui.run_page import log
from dltui.tui.run_page.curves.chart_grid import chart_grid
from dltui.tui.run_page.curves.curve_view import Looking
from dltui.tui.run_page.curves.curves import fit_chart
from dltui.tui.run_page.hardware import hardware, length
from dltui.tui.run_page.inside.classes import classes
from dltui.tui.run_page.inside.confusion import confusion
from dltui.tui.run_page.inside.cursor import CLASS_ORDERS, InsideState
from dltui.tui.run_page.inside.mistakes_view import mistakes, places
from dltui.tui.run_page.inside.residuals import largest
from dltui.tui.run_page.structure import structure

if TYPE_CHECKING:
    from dltui.tui.base.services import Services
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.curves.overlays import Overlaid
    from dltui.tui.run_page.view import RunView

EXPLANATIONS = {
    "Curves": "loss and accuracy, or loss and fit",
    "Confusion": "which classes are confused; of a regression, the fit",
    "Mistakes": "the images that it gets wrong, the most confident first; of a regression, the largest residuals",
    "Classes": "precision and recall of each class; of a regression, the residuals",
    "Structure": "the layers of the model",
    "Log": "what happened, and what the process printed",
    "Hardware": "load, memory, temperature and power of each device, and who holds it",
}
NOT_YET = {
    "Confusion": "after the first epoch: which classes it confuses",
    "Mistakes": "after the first epoch: the images that it gets wrong",
    "Classes": "after the first epoch: precision and recall of each class",
}
NEVER = "nothing was evaluated: the run ended before its first epoch did"
LOOKING = ("Confusion", "Mistakes", "Classes")
"""The tabs for which the predictions are read."""


class Tab(Enum):
    """The tabs by the names on them."""

    CURVES = "Curves"
    CONFUSION = "Confusion"
    MISTAKES = "Mistakes"
    CLASSES = "Classes"
    STRUCTURE = "Structure"
    LOG = "Log"
    HARDWARE = "Hardware"

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
    inside: InsideState = field(default_factory=InsideState)
    origin: Tab | None = None
    """The tab from whose cell or class the mistakes were opened: there Esc goes."""

    def choose(self, tab: Tab, origin: Tab | None = None) -> None:
        self.tab, self.origin = tab, origin

    def key(self) -> tuple[object, ...]:
        """All of it as one value: the same key shows the same."""
        here = self.at.get(self.tab, 0)
        return (self.tab, self.looking, self.others, self.output, here, self.inside.key())

    def wants(self) -> frozenset[str]:
        """What the reading thread must bring for this tab."""
        wants = {"inside"} if self.tab.value in LOOKING else set()
        wants |= {"mistakes"} if self.tab is Tab.MISTAKES else set()
        wants |= {"hardware"} if self.tab is Tab.HARDWARE else set()
        return frozenset(wants | ({"output"} if self.tab is Tab.LOG and self.output else set()))

    def hint(self) -> Row:
        """What the keys of the open tab change, where that is not in the bottom bar."""
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

    def keys(self, view: RunView | None) -> tuple[tuple[str, str], ...]:
        """For the bottom bar, those of a tab with a cursor; none of another."""
        if view is None or view.regression:
            return ()
        if self.tab is Tab.CONFUSION and view.matrix is not None:
            unit = "counts" if self.inside.percent else "share"
            return (("Enter", "show"), ("↑↓←→", "cell"), ("%", unit), ("o", "order"), ("e", "export"))
        if self.tab is Tab.MISTAKES and view.mistakes is not None:
            return (("Space", "mark"), ("f", "filter"), ("/", "by name"), ("PgDn", "page"), ("e", "export"))
        if self.tab is Tab.CLASSES and view.matrix is not None:
            return (("Enter", "show mistakes"), ("↑↓", "class"), ("o", "sort"), ("e", "export"))
        return ()

    def scroll(self, by: int, view: RunView | None, size: tuple[int, int]) -> None:
        """Down is forward; the log counts from its end. In a tab with a cursor, by rows of it."""
        if view is not None and not view.regression and self.tab.value in LOOKING:
            self._move(by, view, size)
        elif self.tab is not Tab.CURVES:
            here = self.at.get(self.tab, 0)
            self.at[self.tab] = min(max(here - by if self.tab is Tab.LOG else here + by, 0), _length(self, view))

    def _move(self, by: int, view: RunView, size: tuple[int, int]) -> None:
        if self.tab is Tab.MISTAKES and view.mistakes is not None:
            room = places(*size, view.mistakes.pictured)
            # A page is what is shown, whatever number of rows that is.
            self.inside.move_mistake(view.mistakes, by * room.columns if abs(by) == 1 else by // 10 * room.page)
        elif self.tab is Tab.CONFUSION and view.matrix is not None:
            self.inside.move_cell(view.matrix, by, 0)
        elif self.tab is Tab.CLASSES and view.matrix is not None:
            self.inside.move_class(view.matrix, by)

    def aside(self, by: int, view: RunView | None) -> None:
        """To the right, or to the left."""
        if view is None or view.regression:
            return
        if self.tab is Tab.CONFUSION and view.matrix is not None:
            self.inside.move_cell(view.matrix, 0, by)
        elif self.tab is Tab.MISTAKES and view.mistakes is not None:
            self.inside.move_mistake(view.mistakes, by)

    def reorder(self) -> bool:
        """The next order of the open tab, if it has several."""
        if self.tab is Tab.CONFUSION:
            self.inside.hardest_first = not self.inside.hardest_first
        elif self.tab is Tab.CLASSES:
            self.inside.class_order = (self.inside.class_order + 1) % len(CLASS_ORDERS)
        return self.tab in (Tab.CONFUSION, Tab.CLASSES)

    def mistakes_at(self, view: RunView | None) -> Filter | None:
        """Which mistakes belong to what is under the cursor; None where nothing does."""
        matrix = view.matrix if view is not None else None
        if matrix is None:
            return None
        if self.tab is Tab.CONFUSION:
            true, said = self.inside.chosen(matrix)
            return Filter(true, None if true == said else said)
        if self.tab is Tab.CLASSES:
            scores = self.inside.scores(matrix)
            return Filter(scores[min(self.inside.class_at, len(scores) - 1)].number)
        return None


def _length(state: TabState, view: RunView | None) -> int:
    """How far one can scroll at most."""
    if view is None:
        return 0
    if state.tab is Tab.LOG:
        return max(len(view.output if state.output else log.timeline(view.history)) - 1, 0)
    if state.tab is Tab.STRUCTURE:
        return max(len(view.history.attempt.layers) - 1, 0) if view.history.attempt else 0
    return length(view.hardware) if state.tab is Tab.HARDWARE else 0


def draw_tab(
    state: TabState, view: RunView | None, width: int, height: int, look: Look, services: Services
) -> list[Row]:
    """The open tab."""
    first = state.at.get(state.tab, 0)
    if state.tab is Tab.CURVES:
        return chart_grid(view, state.looking, state.others, width, height, look)
    if view is None:
        return []
    if state.tab.value in LOOKING:
        return _inside(state, view, width, height, look)
    if state.tab is Tab.HARDWARE:
        return hardware(view.hardware, width, height, first, look)
    if state.tab is Tab.STRUCTURE:
        return structure(view.history.attempt, width, height, first)
    return _log(state, view, width, height, first, services)


def _inside(state: TabState, view: RunView, width: int, height: int, look: Look) -> list[Row]:
    """What the predictions tell."""
    if view.regression:
        return _regression(state.tab, view, width, height, look)
    note = NEVER if view.ended else NOT_YET[state.tab.value]
    if state.tab is Tab.CONFUSION:
        return confusion(view.matrix, state.inside, width, height, look, note)
    if state.tab is Tab.CLASSES:
        return classes(view.matrix, state.inside, width, height, note)
    review = {**view.review, **state.inside.unsaved}
    return mistakes(view.mistakes, review, state.inside, width, height, look, note)


def _log(state: TabState, view: RunView, width: int, height: int, back: int, services: Services) -> list[Row]:
    if state.output:
        end = max(len(view.output) - back, min(height - 1, len(view.output)))
        lines = view.output[max(0, end - height + 1) : end]
        head: Row = [(" output ", "heading"), (" what the process printed", "dim")]
        rows: list[Row] = [fit([(" " + safe(line), "")], width) for line in lines]
        return [head, *(rows or [[], [("  it has printed nothing; o shows what happened", "dim")]])]
    lines_ = log.timeline(view.history)
    head = [(" events ", "heading"), (f" what happened, {plural(len(lines_), 'line')}", "dim")]
    if not lines_:
        return [head, [], [("  nothing yet; o shows what the process prints", "dim")]]
    return [
        head,
        *log.rows(lines_, width, height - 1, back, lambda when: services.time_of_day(when, seconds=True)),
    ]


def _regression(tab: Tab, view: RunView, width: int, height: int, look: Look) -> list[Row]:
    from dltui.tui.draw.chart import draw
    from dltui.tui.run_page.curves.curves import residual_chart

    if view.fit is None:
        return [[], [(f"  {NEVER if view.ended else 'after the first epoch'}", "dim")]]
    if tab is Tab.MISTAKES:
        return largest(view.fit, width, height)
    if tab is Tab.CLASSES:
        return draw(residual_chart(view.fit), width - 1, height, look)
    line = view.fit.line
    text = f" y = {line[0]:.4f} x {'+' if line[1] >= 0 else '-'} {abs(line[1]):.4f}" if line else ""
    facts: Row = [(text, "bold"), (f"   residuals {view.fit.spread:.4f} (standard deviation)", "dim")]
    return [*draw(fit_chart(view.fit), width - 1, height - 1, look), fit(facts, width)]
