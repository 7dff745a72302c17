"""The heat maps over the images of mistakes: made when they are first asked for, then turned by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dltui.tui.base.threads import Told, in_thread

if TYPE_CHECKING:
    from textual.message import Message

    from dltui.core.analysis.inside.heat_maps import HeatMaps
    from dltui.tui.base.page import Page
    from dltui.tui.run_page.watched_run import WatchedRun

LONGEST = 600.0
"""Seconds that the notice stays while the samples are looked at."""


class Heat(NamedTuple):
    """The maps that are laid over the images: those `which` speak for the answer that was given (0) or the right one
    (1)."""

    maps: HeatMaps
    which: int

    def over(self, identity: int, image: Any) -> tuple[Any, bool]:
        """The image of a sample with its map over it, and True; the image as it is, and False, for one without."""
        from dltui.core.analysis.inside.heat_maps import overlay

        found = self.maps.of(identity, self.which)
        return (image, False) if found is None else (overlay(image, found), True)


class HeatKey:
    """The key that turns from the image to what in it speaks for the answer, then to what speaks for the right one."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        self._page, self._run = page, run
        self._looking = False
        self.which: int | None = None

    @property
    def heat(self) -> Heat | None:
        """What is laid over the images; None for the images alone."""
        maps = self._run.view.heat_maps if self._run.view is not None else None
        return Heat(maps, self.which) if maps is not None and self.which is not None else None

    def turn(self) -> None:
        view = self._run.view
        if view is None:
            return
        if view.heat_maps is None:
            self._look()
            return
        self._lay({None: 0, 0: 1, 1: None}[self.which])

    def _look(self) -> None:
        """Have the maps made, once."""
        notice, view = self._page.notice, self._run.view
        if self._looking or view is None:
            return
        if not view.ended or view.history.test is None:
            notice.say("heat maps are of the test result: the run must end first", "bad")
            return
        if not self._page.host.services.viewer.may_command(self._run.directory):
            notice.say("read-only: you can watch, not change anything", "bad")
            return
        self._looking = True
        notice.say("looking at the mistakes, in a process with their framework ...", "accent", seconds=LONGEST)
        in_thread(self._page, "look", self._made)

    def _made(self) -> Message:
        """Make the maps, in a thread."""
        try:
            lines = self._page.host.services.exporting.look_inside(self._run.directory)
            if not lines:
                self._page.host.call_from_thread(self._lay, 0)
            return Told(lines[0] if lines else "bright is what speaks for the answer; h: for the right one")
        finally:
            self._looking = False

    def _lay(self, which: int | None) -> None:
        """Lay other maps over the images, or none."""
        self.which = which
        self._page.redraw("#tab")
