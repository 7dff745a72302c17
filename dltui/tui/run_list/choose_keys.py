"""The keys of the list of runs that choose: filter, sort, mark, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.core.errors import UsageError
from dltui.tui.base.page import bind
from dltui.tui.base.run_keys import RunActions

if TYPE_CHECKING:
    from dltui.tui.base.summary import Summary
    from dltui.tui.run_list.lines import Choice


class ListActions(RunActions):
    """A page that shows `lines` of its `runs`, as its `choice` says."""

    runs: list[Summary]
    lines: list[Summary]
    selected: str | None
    _choice: Choice | None = None
    BINDINGS: ClassVar[list[BindingType]] = [
        bind(
            "slash",
            "filter",
            "filter",
            "show some runs only: model:cnn dataset:digits host:gpu02 tag:x -status:failed lr>=0.01 word",
        ),
        bind("o", "sort", "sort", "order by newest, best, name, model, dataset, status"),
        bind("space", "mark", "mark", "mark this run, or the runs of this group, to compare, export, tag or delete"),
        bind("c", "compare", "compare", "compare the marked runs, or those of this group"),
        bind("escape", "clear", "show all", "no filter, or no marks"),
    ]

    @property
    def choice(self) -> Choice:
        """Made after the first frame, when there are runs to choose from."""
        if self._choice is None:
            from dltui.tui.run_list.lines import Choice

            self._choice = Choice()
        return self._choice

    @property
    def line(self) -> Summary | None:
        """The selected run, or group of runs."""
        raise NotImplementedError

    @property
    def targets(self) -> list[Summary]:
        """What a key for several runs means: the marked ones, else the selected run or group."""
        marked = [run for run in self.runs if self._choice is not None and run.id in self._choice.marked]
        if marked or self.line is None:
            return marked
        return list(self.line.members) or [run for run in self.runs if run.id == self.line.id]

    def relist(self) -> None:
        """Choose the lines again, and draw them."""
        raise NotImplementedError

    def action_filter(self) -> None:
        self.notice.prompt("show only", self.choice.text, self._problem, self._filter, self._filter)

    def _problem(self, text: str) -> str:
        from dltui.core.analysis.run_filter import parse

        try:
            parse(text)
        except UsageError as error:
            return str(error)
        return ""

    def _filter(self, text: str) -> None:
        """With every key; what is not a whole condition yet changes nothing."""
        if not self._problem(text):
            self.choice.filter(text)
            self.relist()

    def action_sort(self) -> None:
        self.notice.say(f"sorted by {self.choice.next_sort()}")
        self.relist()

    def action_mark(self) -> None:
        if self.line is not None:
            self.choice.mark([run.id for run in self.line.members or (self.line,)])
            self.action_move(1)

    def action_move(self, by: int) -> None:
        raise NotImplementedError

    def action_clear(self) -> None:
        if self.choice.text:
            self.choice.filter("")
        else:
            self.choice.marked.clear()
        self.relist()

    def action_export(self) -> None:
        if self.targets:
            self.orders.export(self.targets)

    def action_compare(self) -> None:
        """In the order of the list, so that the same runs look the same however they were marked."""
        chosen = self.targets
        if len(chosen) < 2:
            self.notice.say("mark two runs or more with Space, then c compares them")
        else:
            self.dltui.open_comparison([run.directory for run in chosen])
