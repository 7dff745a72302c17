"""The thread that reads the run of a page and the overlaid runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from dltui.tui.base.overlays import Overlaid, Overlays
from dltui.tui.base.threads import Watcher
from dltui.tui.run_page.view import RunView, RunWatch

if TYPE_CHECKING:
    from dltui.tui.base.page import Page
    from dltui.tui.run_page.watched_run import WatchedRun


class RunRead(Message):
    """A message with the run, None when it has not changed, and the overlaid runs."""

    def __init__(self, view: RunView | None, others: tuple[Overlaid, ...]) -> None:
        super().__init__()
        self.view = view
        self.others = others


class Reading:
    """Posts `RunRead` to the page when something has changed; created when the page is mounted."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        services = page.host.services
        self._page, self._run = page, run
        self._followed = services.elsewhere.follow(run.directory)
        self._watch = RunWatch(run.directory, services.clock.now, services.machine.measure, services.machine.prices)
        self._overlays = Overlays(services.runs.find, services.clock.now)
        self._others: tuple[Overlaid, ...] = ()
        self._watcher = Watcher(page, self._look, page.host.pace)

    def start(self) -> None:
        self._watcher.start()

    def stop(self) -> None:
        self._watcher.stop()
        self._followed.stop()

    def want(self, wants: frozenset[str]) -> None:
        """Set the names of the files that the open tab needs."""
        self._watch.wants = wants
        self._followed.want(wants)
        self._watcher.nudge()

    def lay_over(self, runs: tuple[str, ...]) -> None:
        """Set the overlaid runs."""
        self._overlays.wanted = runs
        self._watcher.nudge()

    def _look(self) -> Message | None:
        if self._run.view is not None and not self._page.on_top:
            return None
        self._followed.ready()
        view, others = self._watch.look(), self._overlays.look()
        # The same tuple as before means that none of them has changed.
        if view is None and others is self._others:
            return None
        self._others = others
        return RunRead(view, others)
