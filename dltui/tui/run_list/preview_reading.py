"""The thread that reads the selected run for its preview: only what is shown, and only once the cursor rests."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.message import Message

from dltui.core.analysis.evaluation import LatestEvaluation
from dltui.core.analysis.verdict import judge
from dltui.core.errors import DltuiError
from dltui.core.tasks.registry import task_of
from dltui.core.text import safe
from dltui.tui.base.overlays import Overlaid, Overlays
from dltui.tui.base.summary import open_reader
from dltui.tui.base.threads import Watcher
from dltui.tui.run_list.preview import MOST_OVER, Preview

if TYPE_CHECKING:
    from dltui.core.analysis.verdict import Verdict
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.page import Page
    from dltui.tui.base.summary import Summary

SECONDS = 2.0
RESTS = 0.12
"""Seconds without another choice before a run is read: on the way through a list none is."""
KEPT = 6
"""Runs whose curves are kept for when the cursor comes back."""


class Previewed(Message):
    """A message with the preview of the line that was chosen."""

    def __init__(self, found: Preview) -> None:
        super().__init__()
        self.found = found


class Wanted(NamedTuple):
    """The chosen line: its run, None for a group, and the ids of the runs over it."""

    line: str
    name: str
    run: RunDirectory | None
    others: tuple[str, ...]


def wanted(line: Summary | None, marked: tuple[str, ...]) -> Wanted | None:
    """What the preview of a line shows; of a sweep its best trial, of other groups all runs. None for a run of another
    host, whose log is only copied once it is opened.
    """
    if line is None or line.via:
        return None
    if line.members and not line.sweep:
        return Wanted(line.id, line.name, None, tuple(run.id for run in line.members[:MOST_OVER]))
    over = tuple(one for one in marked if one != line.directory.id)
    name = f"{line.directory.id}, best of {line.group}" if line.members else line.name
    return Wanted(line.id, name, line.directory, over[:MOST_OVER])


class _Opened:
    """A run whose log is followed."""

    def __init__(self, directory: RunDirectory, page: Page) -> None:
        self.reader: RunReader
        self.asked: dict[str, Any]
        self.reader, self.asked = open_reader(directory, page.host.services.clock.now)
        self._inside = LatestEvaluation(self.reader)
        self._at: tuple[Any, ...] = ()
        self._verdict: Verdict | None = None
        self._overlaid: Overlaid | None = None

    def look(self, line: str, name: str, others: tuple[Overlaid, ...]) -> Preview:
        """The preview as it is now."""
        if self.reader.refresh() or self._overlaid is None:
            self._overlaid = Overlaid(
                self.reader.directory.id, safe(self.reader.labels["name"]), self.reader.history.copy()
            )
        history = self._overlaid.history
        at = (len(history.epochs), history.ended, not len(history.points))
        if at != self._at:
            self._at = at
            self._verdict = judge(history, str(self.asked.get("config", {}).get("schedule", "")))
        task = str(self.asked.get("task"))
        kind = task_of(task).inside
        fit = mistakes = None
        # The page of the run says what is wrong with its predictions.
        with contextlib.suppress(DltuiError):
            fit = self._inside.fit() if kind == "fit" else None
            mistakes = self._inside.mistakes() if kind == "classes" else None
        return Preview(line, name, self._overlaid, others, task, self._verdict, fit, mistakes)


class PreviewReading:
    """Posts `Previewed` to a page when the preview of the wanted line has changed."""

    def __init__(self, page: Page) -> None:
        services = page.host.services
        self._page = page
        self._wanted: Wanted | None = None
        self._since = 0.0
        self._opened: dict[str, _Opened] = {}
        self._overlays = Overlays(services.runs.find, services.clock.now)
        self._last: Preview | None = None
        self._watcher = Watcher(page, self._look, SECONDS)
        self._watcher.rest()
        self._watcher.start()

    def stop(self) -> None:
        self._watcher.stop()

    def nudge(self) -> None:
        self._watcher.nudge()

    def rest(self) -> None:
        """Read nothing until the next nudge."""
        self._watcher.rest()

    def want(self, chosen: Wanted | None) -> None:
        """Preview another line from here on; none while there is no room for it."""
        if chosen == self._wanted:
            return
        self._wanted, self._since = chosen, time.monotonic()
        if chosen is None:
            self._watcher.rest()
        else:
            self._watcher.nudge()

    def _look(self) -> Message | None:
        while (left := RESTS - (time.monotonic() - self._since)) > 0:
            time.sleep(left)
        chosen = self._wanted
        if chosen is None or not self._page.on_top:
            return None
        self._overlays.wanted = chosen.others
        found = self._read(chosen, self._overlays.look())
        if self._last is not None and found.same_as(self._last):
            return None
        self._last = found
        return Previewed(found)

    def _read(self, chosen: Wanted, others: tuple[Overlaid, ...]) -> Preview:
        if chosen.run is not None:
            # The list itself says what is wrong with a run that cannot be read.
            with contextlib.suppress(DltuiError, OSError):
                return self._open(chosen.run).look(chosen.line, chosen.name, others)
        return Preview(chosen.line, chosen.name, None, others)

    def _open(self, run: RunDirectory) -> _Opened:
        """The run, opened the first time; those that were looked at long ago are closed."""
        opened = self._opened.pop(run.id, None) or _Opened(run, self._page)
        self._opened[run.id] = opened
        while len(self._opened) > KEPT:
            del self._opened[next(iter(self._opened))]
        return opened
