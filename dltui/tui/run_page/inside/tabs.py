"""The keys of the tabs that look inside of a model: a cursor, filters, and marks that are saved at once."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.analysis.mistakes import Filter, parse
from dltui.core.analysis.review import NAME, Opinion, after, save_opinion
from dltui.core.rundir import place
from dltui.tui.base.page import Page, bind
from dltui.tui.base.threads import Failed, in_thread
from dltui.tui.run_page.inside.marks import Reviewed
from dltui.tui.run_page.tabs import Tab

if TYPE_CHECKING:
    from dltui.core.analysis.mistakes import Mistake, Mistakes
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.run_page.tabs import TabState
    from dltui.tui.run_page.view import RunView


class InsideActions(Page):
    """Has the keys; a subclass has the run, its view and the state of its tabs."""

    directory: RunDirectory
    view: RunView | None
    state: TabState
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("right", "aside(1)", "right", "in the confusion matrix and among mistakes: to the right"),
        bind("left", "aside(-1)", "left", "in the confusion matrix and among mistakes: to the left"),
        bind("enter", "look_inside", "show", "from a cell or a class to the mistakes in it"),
        bind("space", "mark", "mark", "a mistake: keep, wrong label, ambiguous, no mark; saved in review.csv"),
        bind("f", "filter", "filter", "mistakes of the same true class, said class, both, all"),
        bind("slash", "type_filter", "filter by name", "mistakes of classes by name: shirt, >coat, shirt>coat"),
        bind("percent_sign", "percent", "share", "confusion: numbers of images, or % of each true class"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._saving = threading.Lock()
        self._queue: deque[Opinion] = deque()

    @property
    def tab_size(self) -> tuple[int, int]:
        size = self.query_one("#tab").size
        return size.width, size.height

    @property
    def _mistakes(self) -> Mistakes | None:
        return self.view.mistakes if self.view is not None and self.state.tab is Tab.MISTAKES else None

    def show_tab(self, tab: Tab, origin: Tab | None = None) -> None:
        """Open a tab, from another one if Esc is to go back there."""
        raise NotImplementedError

    def action_aside(self, by: int) -> None:
        self.state.aside(by, self.view)
        self.redraw("#tab")

    def action_look_inside(self) -> None:
        which = self.state.mistakes_at(self.view)
        if which is not None:
            self.state.inside.show(which)
            self.show_tab(Tab.MISTAKES, self.state.tab)

    def action_filter(self) -> None:
        if self._mistakes is not None:
            self.state.inside.turn_filter(self._mistakes)
            self.redraw("#tab")

    def action_percent(self) -> None:
        self.state.inside.percent = not self.state.inside.percent
        self.redraw("#tab")

    def action_type_filter(self) -> None:
        found = self._mistakes
        if found is not None:
            self.notice.prompt(
                "true class, >said class, or both",
                "",
                lambda text: "" if parse(text, found.classes) else "no such class",
                lambda text: self._filter(parse(text, found.classes) or Filter()),
            )

    def _filter(self, which: Filter) -> None:
        self.state.inside.show(which)
        self.redraw("#tab")

    def action_mark(self) -> None:
        found = self._mistakes
        mistake = self.state.inside.current(found)
        if found is None or mistake is None or self.view is None:
            return
        if not self.dltui.services.may_command(self.directory):
            self.notice.say("read-only: look, do not touch", "bad")
            return
        opinion = self._turned(found, mistake)
        self.state.inside.unsaved[opinion.key] = opinion
        self._queue.append(opinion)
        self.redraw("#tab")
        in_thread(self, "review", self._save)

    def _save(self) -> Message | None:
        """In a thread: what is waiting, in its order."""
        folder, done = place.exports_folder(self.directory), None
        with self._saving:
            while self._queue:
                opinion = self._queue.popleft()
                done = Reviewed(opinion, save_opinion(folder, opinion))
        return done

    def _turned(self, found: Mistakes, mistake: Mistake) -> Opinion:
        """The next opinion on a mistake."""
        assert self.view is not None
        key = (found.split, mistake.id)
        known = self.state.inside.unsaved.get(key) or self.view.review.get(key)
        return Opinion(
            found.split,
            mistake.id,
            found.name(mistake.true),
            found.name(mistake.said),
            round(mistake.probability, 4),
            after(known.mark if known else ""),
            mistake.name,
        )

    def on_reviewed(self, message: Reviewed) -> None:
        opinion = message.opinion
        waiting = self.state.inside.unsaved
        for key in [key for key, value in waiting.items() if message.opinions.get(key, value) == value]:
            del waiting[key]
        if self.view is not None:
            self.view = replace(self.view, review=message.opinions)
        what = opinion.mark or "no mark"
        self.notice.say(f"{opinion.id} {opinion.true}: {what}; {NAME} holds {len(message.opinions):,}", "good")
        self.redraw("#tab")

    def on_failed(self, message: Failed) -> None:
        """What could not be saved is not shown as if it were; that it failed is said by who has the notice."""
        if message.task == "review":
            self._queue.clear()
            self.state.inside.unsaved.clear()
            self.redraw("#tab")
