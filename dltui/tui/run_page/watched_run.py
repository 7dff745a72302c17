"""The run that a page shows: live, or at a past moment that is held or replayed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dltui.tui.run_page.curves.replay import begun, epoch_after, epoch_before, held, past_row, view_of

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.base.summary import Summary
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.run_page.curves.replay import Replay
    from dltui.tui.run_page.view import RunView


class WatchedRun:
    """The run of a page. `view` is its current snapshot, None until it was read; its keys lead into the past
    and back.
    """

    def __init__(self, page: Page, directory: RunDirectory) -> None:
        self.directory = directory
        self.view: RunView | None = None
        self.replay: Replay | None = None
        self._page = page
        self._past: tuple[RunView, Replay, RunView] | None = None
        self.answers: dict[str, Answer] = {
            "left_square_bracket": lambda: self._hold(-1),
            "right_square_bracket": lambda: self._hold(1),
            "P": self.play_again,
        }

    @property
    def summary(self) -> Summary | None:
        return self.view.summary if self.view is not None else None

    @property
    def shown(self) -> RunView | None:
        """The visible snapshot of the run: the current, or a past one."""
        if self.replay is None or self.view is None:
            return self.view
        if self._past is None or self._past[0] is not self.view or self._past[1].step != self.replay.step:
            self._past = (self.view, self.replay, view_of(self.view, self.replay))
        return self._past[2]

    @property
    def gone(self) -> bool:
        """True if its folder was deleted; one on a disk that does not answer was not."""
        try:
            os.stat(self.directory.path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    @property
    def follows(self) -> bool:
        """True if matrix and mistakes were kept of its epochs, so that they follow into the past."""
        return self.view is not None and self.view.past is not None and bool(self.view.past.records)

    @property
    def evaluated(self) -> RunView | None:
        """The snapshot whose predictions are shown: a past one only where they were kept."""
        return self.shown if self.follows else self.view

    def to_present(self) -> None:
        """Show the current snapshot."""
        self.replay = self._past = None
        self._page.redraw()

    def play(self, now: float) -> None:
        """Advance the replay, at each tick."""
        if self.replay is None or self.view is None or not self.replay.speed:
            return
        self.replay = self.replay.moved(self.view.history, now)
        if self.replay is None:
            self._past = None
            self._page.notice.say("the replay is over: this is the run as it is; P plays it again", "accent")
        self._page.redraw()

    def past_row(self, width: int) -> Row:
        """A row in place of the progress, with the moment and the keys that lead back."""
        if self.view is None or self.shown is None or self.replay is None:
            return []
        return past_row(self.view, self.shown, self.replay, width)

    def hold(self) -> None:
        """Hold the replay, or let it go on."""
        if self.replay is not None and self.view is not None:
            self.replay = self.replay.turned(self.view.history, self._page.host.services.clock.passed())
            self._page.redraw()

    def _hold(self, by: int) -> None:
        """Show the run at the end of the previous, or the next, epoch."""
        if self.view is None or not self.view.history.epochs:
            self._page.notice.say("no epoch is over yet", "bad")
            return
        history = self.view.history
        here = self.replay.step if self.replay is not None else float(history.step) + 0.5
        there = epoch_before(history, here) if by < 0 else epoch_after(history, here)
        if there is None:
            self.to_present()
            return
        self.replay = held(history, there)
        self._page.redraw()

    def play_again(self) -> None:
        """Replay the run from its start, in 20 seconds; a running replay goes on at the next speed."""
        if self.view is None or not len(self.view.history.points):
            self._page.notice.say("nothing to play yet: the first step is to come", "bad")
            return
        now = self._page.host.services.clock.passed()
        playing = self.replay is not None and self.replay.speed
        self.replay = self.replay.faster(now) if self.replay and playing else begun(self.view.history, now)
        self._page.redraw()
