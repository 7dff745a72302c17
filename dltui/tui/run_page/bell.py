"""The key that silences the run of a page, or lets the terminal be told again when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.run_page.watched_run import WatchedRun


class Bell:
    """Answers the key for one page."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        self._page, self._run = page, run
        self.answers: dict[str, Answer] = {"b": self._turn}

    def _turn(self) -> None:
        run, dltui, notice = self._run.summary, self._page.dltui, self._page.notice
        if run is None:
            return
        if dltui.settings.notices == "off":
            notice.say("notices are off for all runs; S opens the settings", "warn")
        elif dltui.notices.toggle(run.id):
            notice.say(f"the terminal is told when {run.name} ends; b silences it", "good")
        else:
            notice.say(f"{run.name} ends in silence; b lets it be heard again", "good")
