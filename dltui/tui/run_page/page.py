"""The run page: live curves, evaluation, log; and the keys that steer the run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.core.errors import DltuiError
from dltui.core.numbers import duration
from dltui.core.rundir import place
from dltui.core.text import safe
from dltui.tui.base.effects.mouse import key_at, tab_at
from dltui.tui.base.page import Page
from dltui.tui.base.run_keys import RunKeys
from dltui.tui.base.threads import Failed, Told
from dltui.tui.draw.wording import FAULTS, STATUS_STYLES
from dltui.tui.run_page.body import Body
from dltui.tui.run_page.compact.rows import compact_title
from dltui.tui.run_page.curves.fault import report
from dltui.tui.run_page.head import title
from dltui.tui.run_page.keys import BINDINGS, LAST, bottom_bar, hint
from dltui.tui.run_page.reading import Reading, RunRead
from dltui.tui.run_page.tabs import Tabs
from dltui.tui.run_page.watched_run import WatchedRun

if TYPE_CHECKING:
    from textual.events import Click, MouseEvent
    from textual.widget import Widget

    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.sent_commands import AtRisk
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.run_page.inside.marks import Reviewed
    from dltui.tui.run_page.view import RunView


WHOLE = (76, 22)
"""The smallest size with the whole table of metrics, and MIDDLE that with the row of tabs."""
MIDDLE = 16


WHEEL = 3
"""Rows that a turn of the wheel scrolls."""


class NotificationKey:
    """Handles the key that mutes or unmutes the notification for a page's run."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        self._page, self._run = page, run
        self.answers: dict[str, Answer] = {"b": self._turn}

    def _turn(self) -> None:
        run, dltui, notice = self._run.summary, self._page.host, self._page.notice
        if run is None:
            return
        if dltui.settings.notices == "off":
            notice.say("notifications are off for all runs; S opens the settings", "warn")
        elif dltui.notices.toggle(run.id):
            notice.say(f"the terminal notifies you when {run.name} ends; b turns that off", "good")
        else:
            notice.say(f"no notifications of {run.name}; b turns them on", "good")


class TryKey:
    """Handles the key that opens the page on which the model is tried."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        self._page, self._run = page, run
        self.answers: dict[str, Answer] = {"i": self._open}

    def _open(self) -> None:
        view, notice = self._run.view, self._page.notice
        if view is None or not view.history.checkpoints:
            notice.say("nothing to try yet: the first checkpoint is to come", "bad")
        elif not self._page.host.services.viewer.may_command(self._run.directory):
            notice.say("read-only: you can watch, not run its model", "bad")
        else:
            from dltui.tui.run_page.inside.try_page import TryPage

            self._page.app.push_screen(TryPage(self._run.directory, view.summary.name))


class RunPage(Page):
    """The page of a run, live or ended: rows around the open tab."""

    name_of_page = "Run"
    least = (40, 10)
    BINDINGS: ClassVar[list[BindingType]] = [*BINDINGS]
    DEFAULT_CSS = """
    RunPage #progress, RunPage #tabs { height: 1; }
    RunPage #numbers { height: 7; }
    RunPage #last { height: 1; }
    RunPage.tall #last { height: 4; }
    RunPage.taller #last { height: 8; }
    RunPage.compact #numbers { height: 1; }
    RunPage.compact.middle #numbers { height: 3; }
    RunPage.compact #last { height: 0; }
    RunPage.compact #tabs { display: none; }
    RunPage.compact.middle #tabs { display: block; }
    RunPage.whole #numbers, RunPage.whole #last { display: none; }
    """

    def __init__(self, directory: RunDirectory, replay: bool = False) -> None:
        """`replay` plays it from its start, once it was read."""
        super().__init__()
        self._replay = replay
        self.run = WatchedRun(self, directory)
        self.run_keys = RunKeys(
            self, lambda: self.run.summary, learning_rate=self._learning_rate, report=self._fault_report
        )
        self.tabs = Tabs(self, self.run, self._lay_over, self._opened)
        self._bell = NotificationKey(self, self.run)
        self._try = TryKey(self, self.run)
        self._reading: Reading | None = None
        self._stale = False
        self._pass_keys()

    @property
    def view(self) -> RunView | None:
        """The current snapshot of the run."""
        return self.run.view

    def body(self) -> Iterable[Widget]:
        return Body(self, self.run, self.tabs).widgets()

    def on_mount(self) -> None:
        self._reading = Reading(self, self.run)
        self.call_after_refresh(self._reading.start)

    def on_unmount(self) -> None:
        if self._reading is not None:
            self._reading.stop()
        self.host.taskbar.clear()
        if self.view is not None and self.view.summary.is_live:
            self.host.watched(self.run.directory)

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        self.set_class(self.size.width < WHOLE[0] or self.size.height < WHOLE[1], "compact")
        self.set_class(self.size.height >= MIDDLE, "middle")
        self.set_class(36 <= self.size.height < 46, "tall")
        self.set_class(self.size.height >= 46, "taller")

    def on_run_read(self, message: RunRead) -> None:
        before, view = self.view, message.view or self.view
        if view is None:
            return
        self.run.view, self.tabs.curves.others = view, message.others
        self.host.notices.seen([view.summary])
        self.run_keys.orders.acknowledge(view.summary.obeyed)
        self._tell_progress(view)
        if before is not None and not before.ended and view.ended:
            self._say_ended(view)
        self.set_class(self.tabs.open.whole, "whole")
        # Drawn with the next tick: the terminal gets one frame, not one for each thing that happened.
        self._stale = True
        if before is None:
            self.redraw()
            if self._replay:
                self.run.play_again()

    def _tell_progress(self, view: RunView) -> None:
        if view.summary.is_live and view.progress is not None:
            self.host.taskbar.show(view.progress.run_fraction, view.summary.status == "paused")
        else:
            self.host.taskbar.clear()

    def _say_ended(self, view: RunView) -> None:
        run = view.summary
        exports = "; e exports the figures" if run.epochs_done or run.test else ""
        style = STATUS_STYLES.get(run.status, "") if run.status in FAULTS else "good"
        self.notice.say(f"{run.name}: {run.status}{exports}", style)

    def on_told(self, message: Told) -> None:
        self.run_keys.told(message)

    def on_failed(self, message: Failed) -> None:
        self.tabs.mistakes.marks.failed(message)
        self.run_keys.failed(message)

    def on_at_risk(self, message: AtRisk) -> None:
        self.run_keys.at_risk(message)

    def on_reviewed(self, message: Reviewed) -> None:
        self.tabs.mistakes.marks.reviewed(message)

    def tick(self) -> None:
        self.run.play(self.host.services.clock.passed())
        self.redraw(*(() if self._stale else ("#head", "#progress", "#numbers", "#notice")))
        self._stale = False

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        may_command = self.host.services.viewer.may_command(self.run.directory)
        return self.tabs.open.keys or bottom_bar(self.view, may_command, self._home)

    @property
    def _home(self) -> str:
        """The word for the page that lists runs to which Esc leads, at last."""
        below = (page.listing for page in reversed(self.host.screen_stack) if isinstance(page, Page))
        return next(filter(None, below), "runs")

    def head(self, width: int) -> Row:
        services, directory = self.host.services, self.run.directory
        clock = services.clock.time_of_day(services.clock.now())
        state = self.run.replay.state if self.run.replay else ""
        read_only = not services.viewer.may_command(directory)
        if self.run.gone:
            # What was read of it stays on the screen.
            state, read_only = "DELETED", False
        if width < WHOLE[0]:
            return compact_title(self.view, safe(directory.id), read_only, width, state)
        return title(self.view, safe(directory.id), clock, read_only, width, state)

    @property
    def picture_folder(self) -> Path:
        try:
            return place.exports_folder(self.run.directory)
        except DltuiError:
            # The run is damaged or gone: its page can be pictured all the same.
            return super().picture_folder

    def status_line(self) -> str:
        run, at = self.run.summary, self.view.progress if self.view else None
        if run is None:
            return safe(self.run.directory.id)
        how_far = f", epoch {at.epoch} of {at.epochs}" if at and run.is_live else ""
        left = f", {duration(at.left)} left" if at and at.left is not None else ""
        return f"{run.name}: {run.status}{how_far}{left}"

    def idle(self) -> Row:
        width, problem = self.size.width, self.view.problem if self.view else ""
        told: Row = [(f" {safe(problem)}", "bad")] if problem else []
        return self.run_keys.row() or told or self.tabs.open.idle(width) or hint(self.view, width)

    def _opened(self) -> None:
        """Update the page after another tab was opened."""
        self._pass_keys()
        if self._reading is not None:
            self._reading.want(self.tabs.open.wants)
        self.set_class(self.tabs.open.whole, "whole")
        self.call_after_refresh(self.redraw)

    def _pass_keys(self) -> None:
        own = self.run.answers | self._bell.answers | self._try.answers
        self.answers = self.run_keys.answers | own | self.tabs.answers

    def _lay_over(self, runs: tuple[str, ...]) -> None:
        if self._reading is not None:
            self._reading.lay_over(runs)

    def _fault_report(self) -> str:
        view = self.view
        return report(view) if view is not None and view.summary.status == "failed" else ""

    def _learning_rate(self) -> float | None:
        return self.view.base_lr if self.view else None

    def clicked(self, part: str, row: Row, event: Click) -> None:
        """Open the tab whose title it is; on the curves put the cursor there."""
        if part == "tabs":
            number = tab_at(row, event.x)
            if 0 < number <= len(self.tabs.all):
                self.action_tab(number)
            elif key := key_at(row, event.x):
                self.app.simulate_key(key)
        elif part == "tab":
            self.tabs.open.clicked(row, event.x, event.y)

    def wheel(self, by: int, event: MouseEvent) -> None:
        """Zoom on the curves; elsewhere scroll."""
        if not self.notice.asking and not self.tabs.open.wheel(by):
            self.action_scroll(WHEEL * by)

    def action_tab(self, number: int) -> None:
        self.tabs.show(self.tabs.all[number - 1])

    def action_turn(self, by: int) -> None:
        self.tabs.turn(by)

    def action_back(self) -> None:
        if self.tabs.back():
            return
        if self.run.replay is not None:
            self.run.to_present()
        else:
            self.host.home(self.run.directory.id)

    def action_order(self) -> None:
        self.tabs.order()

    def action_scroll(self, by: int) -> None:
        if by == LAST and self.run.replay is not None:
            self.run.to_present()
            return
        self.tabs.open.scroll(by)
        self.redraw()

    def action_aside(self, by: int) -> None:
        self.tabs.open.aside(by)

    def action_enter(self) -> None:
        self.tabs.open.enter()

    def action_filter(self) -> None:
        self.tabs.open.filter()

    def action_try_remedy(self) -> None:
        found = self.view.suggestion if self.view else None
        if found is None:
            self.notice.say("nothing to try: that is proposed after a failure", "bad")
        elif found.fork:
            self.host.open_fork(self.run.directory, found.values)
        else:
            self.host.open_form(self.run.directory, found.values)
