"""The keys of the list of runs that select: filter, sort, mark, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.tui.base.page import press

if TYPE_CHECKING:
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.run_list.state import RunListState

CHOOSE_KEYS = (
    press(
        "slash", "filter", "show some runs only: model:cnn dataset:digits host:gpu02 tag:x -status:failed lr>=0.01 word"
    ),
    press("o", "sort", "order by newest, best, name, model, dataset, status"),
    press("space", "mark", "mark this run, or the runs of this group, to compare, export, tag or delete"),
    press("c", "compare", "compare the marked runs, or those of this group"),
    press("escape", "show all", "no filter, or no marks"),
)
"""For the bindings of a page that has `ChooseKeys`."""


class ChooseKeys:
    """Handles CHOOSE_KEYS: changes the visible runs and the marks."""

    def __init__(self, page: Page, state: RunListState) -> None:
        self._page, self._state = page, state
        self.answers: dict[str, Answer] = {
            "slash": self.filter,
            "o": self.sort,
            "space": self.mark,
            "c": self.compare,
            "escape": self.clear,
        }

    def filter(self) -> None:
        self._page.notice.prompt("show only", self._state.choice.text, _filter_problem, self._filter, self._filter)

    def _filter(self, text: str) -> None:
        """Filter at every key; an incomplete condition changes nothing."""
        if not _filter_problem(text):
            self._state.choice.filter(text)
            self._list_again()

    def sort(self) -> None:
        self._page.notice.say(f"sorted by {self._state.choice.next_sort()}")
        self._list_again()

    def mark(self) -> None:
        line = self._state.line
        if line is not None:
            self._state.choice.mark([run.id for run in line.members or (line,)])
            self._state.move(1)
            self._page.redraw()

    def clear(self) -> None:
        if self._state.choice.text:
            self._state.choice.filter("")
        else:
            self._state.choice.marked.clear()
        self._list_again()

    def compare(self) -> None:
        """Compare the marked runs in the order of the list, so that the order of marking does not matter."""
        chosen = self._state.targets
        if len(chosen) < 2:
            self._page.notice.say("mark two runs or more with Space, then c compares them")
        else:
            self._page.host.open_comparison([run.directory for run in chosen])

    def _list_again(self) -> None:
        self._state.fold()
        self._page.redraw()


def _filter_problem(text: str) -> str:
    from dltui.core.analysis.measures.run_filter import parse

    try:
        parse(text)
    except UsageError as error:
        return str(error)
    return ""
