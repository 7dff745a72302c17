"""The tabs of the run page: the open tab, and the tab from which it was opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dltui.tui.run_page.curves.tab import CurvesTab
from dltui.tui.run_page.hardware import HardwareTab
from dltui.tui.run_page.inside.tabs import ClassesTab, ConfusionTab, MistakesTab
from dltui.tui.run_page.log import LogTab
from dltui.tui.run_page.structure import StructureTab

if TYPE_CHECKING:
    from dltui.core.analysis.mistakes import Filter
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.run_page.tab import Tab
    from dltui.tui.run_page.watched_run import WatchedRun

NAMES = tuple(
    kind.name for kind in (CurvesTab, ConfusionTab, MistakesTab, ClassesTab, StructureTab, LogTab, HardwareTab)
)
"""In the order of their numbers."""


class Tabs:
    """All tabs of a page; `opened` is called when another tab is opened."""

    def __init__(
        self,
        page: Page,
        run: WatchedRun,
        lay_over: Callable[[tuple[str, ...]], None],
        opened: Callable[[], None],
    ) -> None:
        self._run = run
        self.curves = CurvesTab(page, run, lay_over)
        self.confusion = ConfusionTab(page, run, self._show_mistakes)
        self.mistakes = MistakesTab(page, run)
        self.classes = ClassesTab(page, run, self._show_mistakes)
        self.structure = StructureTab(page, run)
        self.log = LogTab(page, run)
        self.hardware = HardwareTab(page, run)
        self.all: tuple[Tab, ...] = (
            self.curves, self.confusion, self.mistakes, self.classes, self.structure, self.log, self.hardware,
        )  # fmt: skip
        self.open: Tab = self.curves
        self._origin: Tab | None = None
        """The tab from which the open tab was opened, to which Esc returns."""
        self._opened = opened

    @property
    def answers(self) -> dict[str, Answer]:
        """The handlers of keys of the open tab, and of those that work in every tab."""
        everywhere = {key: answer for tab in self.all for key, answer in tab.answers_everywhere.items()}
        return {"space": self._run.hold} | everywhere | self.open.answers

    @property
    def number(self) -> int:
        """The index of the open tab."""
        return self.all.index(self.open)

    def show(self, tab: Tab, origin: Tab | None = None) -> None:
        """Open a tab."""
        self.open, self._origin = tab, origin
        self._opened()

    def turn(self, by: int) -> None:
        """Open the next tab, or the previous."""
        self.show(self.all[(self.number + by) % len(self.all)])

    def order(self) -> None:
        """Change the order of the open tab; where it has only one order, switch the log between events and output."""
        if not self.open.order():
            self.log.output = not self.log.output
            self.show(self.log)

    def back(self) -> bool:
        """Undo one step; False when there is none."""
        if self._origin is not None:
            self.show(self._origin)
            return True
        return self.open.back()

    def _show_mistakes(self, which: Filter) -> None:
        self.mistakes.cursor.show(which)
        self.show(self.mistakes, self.open)
