"""The user's marks on mistakes: shown at once, saved in a thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.message import Message

from dltui.core.data.findings.review import NAME, Key, Opinion, after, save_opinion
from dltui.core.rundir import place
from dltui.tui.base.threads import in_thread

if TYPE_CHECKING:
    from dltui.core.analysis.mistakes import Mistake, Mistakes
    from dltui.tui.base.page import Page
    from dltui.tui.base.threads import Failed
    from dltui.tui.run_page.view import RunView
    from dltui.tui.run_page.watched_run import WatchedRun


class Reviewed(Message):
    """A message that an opinion is on the disk; `opinions` are all saved opinions."""

    def __init__(self, opinion: Opinion, opinions: Mapping[Key, Opinion]) -> None:
        super().__init__()
        self.opinion = opinion
        self.opinions = opinions


class Marks:
    """The marks of a run; `unsaved` are not yet on the disk, where the mark "" removes a mark."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        self._page, self._run = page, run
        self._saving = threading.Lock()
        self._queue: deque[Opinion] = deque()
        self.unsaved: dict[Key, Opinion] = {}

    def known(self, view: RunView) -> Mapping[Key, Opinion]:
        """All marks, the unsaved included."""
        return {**view.review, **self.unsaved}

    def turn(self, found: Mistakes, mistake: Mistake) -> None:
        """Give a mistake the next mark."""
        view, page = self._run.view, self._page
        if view is None:
            return
        if not page.host.services.viewer.may_command(self._run.directory):
            page.notice.say("read-only: you can watch, not change anything", "bad")
            return
        known = self.known(view).get((found.split, mistake.id))
        opinion = Opinion(
            found.split,
            mistake.id,
            found.name(mistake.true),
            found.name(mistake.said),
            round(mistake.probability, 4),
            after(known.mark if known else ""),
            mistake.name,
        )
        self.unsaved[opinion.key] = opinion
        self._queue.append(opinion)
        page.redraw("#tab")
        in_thread(page, "review", self._save)

    def _save(self) -> Message | None:
        """Save the queued marks in their order, in a thread."""
        folder, done = place.exports_folder(self._run.directory), None
        with self._saving:
            while self._queue:
                opinion = self._queue.popleft()
                done = Reviewed(opinion, save_opinion(folder, opinion))
        return done

    def reviewed(self, message: Reviewed) -> None:
        """Show that a mark was saved."""
        opinion = message.opinion
        for key in [key for key, value in self.unsaved.items() if message.opinions.get(key, value) == value]:
            del self.unsaved[key]
        if self._run.view is not None:
            self._run.view = replace(self._run.view, review=message.opinions, problem="")
        what = opinion.mark or "no mark"
        text = f"{opinion.id} {opinion.true}: {what}; {NAME} holds {len(message.opinions):,}"
        self._page.notice.say(text, "good")
        self._page.redraw("#tab")

    def failed(self, message: Failed) -> None:
        """Drop a mark that could not be saved, so that it is not shown any longer."""
        if message.task == "review":
            self._queue.clear()
            self.unsaved.clear()
            self._page.redraw("#tab")
