"""The full-screen app: its pages, theme, pace and signals."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import BindingType

from dltui.tui.base.alerts import Notices, sequence
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.services import Services
from dltui.tui.draw.styled_text import Look
from dltui.tui.terminal.capabilities import Terminal, chosen, examine
from dltui.tui.terminal.driver import QuietDriver
from dltui.tui.terminal.settings import ScreenSettings
from dltui.tui.terminal.theme import DARK, LIGHT, PLAIN, Palette, themes

if TYPE_CHECKING:
    from textual.events import Key
    from textual.screen import Screen
    from textual.timer import Timer

    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.summary import Summary
    from dltui.tui.terminal.meter import Meter

LEAVING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class DltuiApp(App[None], inherit_bindings=False):
    """Knows the pages and the theme; everything else lives in the pages."""

    TITLE = "dltui"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("q", "leave", "leave", "leave the screen; runs go on"),
        bind("question_mark", "keys", "all keys", "every key of this page"),
        bind("ctrl+p", "palette", "all actions", "every action by name; type to filter"),
        bind("S", "settings", "settings", "theme, colors, letters, mouse, notifications: remembered"),
        bind("ctrl+t", "theme", "light or dark", "switch between the dark and the light theme"),
        bind("ctrl+c", "interrupted", "hint", "does not stop anything", priority=True),
        bind("ctrl+z", "suspend_process", "suspend", "back to the shell; fg returns"),
    ]

    def __init__(
        self,
        services: Services,
        terminal: Terminal,
        open_run: RunDirectory | None = None,
        new: bool = False,
        meter: Meter | None = None,
        settings: ScreenSettings | None = None,
    ) -> None:
        self.settings = settings or ScreenSettings()
        self._terminal = terminal
        terminal = chosen(terminal, self.settings)
        super().__init__(QuietDriver, ansi_color=True if terminal.theme == PLAIN else None)
        self.services = services
        self.look = Look(ascii=terminal.ascii, mono=not terminal.color, few=terminal.theme == PLAIN)
        self.meter = meter
        self.farewell: list[str] = []
        self.first_time = False
        self.after_first_frame: Callable[[], object] = gc.enable
        self.notices = Notices(self._tell, lambda: self.settings.notices)
        self._first = (open_run, new)
        self._on_terminal = os.isatty(0)
        self._ticks = 0
        for theme in themes():
            self.register_theme(theme)
        self.palette = self._palette(terminal.theme)
        self._timer: Timer | None = None
        self.theme = terminal.theme

    def get_default_screen(self) -> Screen[None]:
        """The list of runs, under everything else."""
        from dltui.tui.run_list.page import RunsPage

        return RunsPage()

    def on_mount(self) -> None:
        run, new = self._first
        if run is not None:
            self.open_run(run)
        elif new:
            self.open_form()
        self._timer = self.set_interval(self.pace, self._tick)
        if self.first_time:
            self.call_after_refresh(self._welcome)
        self.call_after_refresh(lambda: self.after_first_frame())
        # The terminal comes back empty after Ctrl-Z and fg.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        loop = asyncio.get_running_loop()
        for number in LEAVING:
            try:
                loop.add_signal_handler(number, self._signalled, number)
            except (ValueError, NotImplementedError, RuntimeError):
                return

    def on_key(self, event: Key) -> None:
        """Before any binding. What was typed ahead belongs to the question that the key before it brought up, although
        it was sent to the page."""
        if isinstance(self.screen, Page) and self.screen.notice.asking:
            self.screen.notice.on_key(event)

    def _signalled(self, number: int) -> None:
        self.exit(return_code=128 + number)

    def _tick(self) -> None:
        if self._on_terminal and not os.isatty(0):
            # It vanished without a signal, as under a shell that ignores SIGHUP: nothing is left to restore.
            os._exit(128 + signal.SIGHUP)
        if not self._may_draw():
            return
        # While the app ends there is no screen any more.
        page = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(page, Page):
            page.tick()

    def _may_draw(self) -> bool:
        """Not at every tick where the link to the terminal is too slow for that."""
        if self.meter is None:
            return True
        before = self.meter.ticks
        self.meter.tick()
        if self.meter.ticks != before and isinstance(self.screen, Page):
            self.screen.notice.say(f"slow link: a frame every {self.pace * self.meter.ticks:g} s", "dim")
        self._ticks += 1
        return self._ticks % self.meter.ticks == 0

    def open_run(self, run: RunDirectory) -> None:
        """Show a run over the list of runs."""
        self.push_screen(self._run_page(run))

    def open_form(self, like: RunDirectory | None = None, instead: Mapping[str, Any] | None = None) -> None:
        """Show the form for a new run, filled as another run was; `instead` are hyperparameters that differ."""
        from dltui.tui.new_run.page import NewRunPage

        self.push_screen(NewRunPage(like, instead))

    def open_comparison(self, runs: Sequence[RunDirectory]) -> None:
        """Show runs beside one another."""
        from dltui.tui.pages.compare import ComparePage

        self.push_screen(ComparePage(runs))

    def open_resumption(self, run: Summary) -> None:
        """Show what going on with a run that has ended would mean."""
        from dltui.tui.pages.resume import ResumePage

        self.push_screen(ResumePage(run))

    def started(self, run: RunDirectory) -> None:
        """A run was started from the form: it takes the form's place."""
        self.switch_screen(self._run_page(run))

    def back(self) -> None:
        """To the page below, which at last is the list of runs."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def home(self, run: str) -> None:
        """To the list of runs, from wherever; the cursor goes to the run that was looked at last."""
        from dltui.tui.run_list.page import RunsPage

        while len(self.screen_stack) > 1:
            self.pop_screen()
        if isinstance(self.screen, RunsPage):
            self.screen.select(run)

    def goes_on(self, run: str) -> None:
        """A live run was watched: after leaving, the shell says how to come back to it."""
        self.farewell.append(f"{run} goes on; back with: dltui attach {run}")

    def _run_page(self, run: RunDirectory) -> Screen[None]:
        from dltui.tui.run_page.page import RunPage

        return RunPage(run)

    def action_leave(self) -> None:
        self.exit(return_code=0)

    def action_keys(self) -> None:
        self._actions(typing=False)

    def action_palette(self) -> None:
        self._actions(typing=True)

    def _actions(self, typing: bool) -> None:
        from dltui.tui.pages.help import HelpPage

        if isinstance(self.screen, Page) and not isinstance(self.screen, HelpPage):
            self.push_screen(HelpPage(self.screen, typing))

    def action_interrupted(self) -> None:
        if isinstance(self.screen, Page):
            self.screen.notice.say("q leaves, runs go on; s stops a run and keeps it", "accent")

    def action_theme(self) -> None:
        if self.theme != PLAIN:
            self.theme = LIGHT if self.theme == DARK else DARK

    def _welcome(self) -> None:
        if isinstance(self.screen, Page):
            self.screen.notice.say(
                "first time here? ? shows every key, S opens the settings, q leaves", "accent", seconds=60
            )

    def _tell(self, text: str) -> None:
        """On the way that everything else goes to the terminal."""
        signs = sequence(text, os.environ)
        if signs and self._driver is not None:
            self._driver.write(signs)

    def action_settings(self) -> None:
        from dltui.tui.pages.settings import SettingsPage

        if isinstance(self.screen, Page) and not isinstance(self.screen, SettingsPage):
            self.push_screen(SettingsPage())

    @property
    def pace(self) -> float:
        """Seconds between two looks."""
        return 1.0 / int(self.settings.tick)

    def apply(self, settings: ScreenSettings) -> None:
        """Use other settings from here on; the mouse from the next start on."""
        self.settings = settings
        terminal = chosen(self._terminal, settings)
        self.look = Look(ascii=terminal.ascii, mono=not terminal.color, few=terminal.theme == PLAIN)
        self.theme = terminal.theme
        self.palette = self._palette(terminal.theme)
        if self._timer is not None:
            self._timer.stop()
            self._timer = self.set_interval(self.pace, self._tick)
        for screen in self.screen_stack:
            for rows in screen.query(Rows):
                rows.refresh()

    def _palette(self, theme: str) -> Palette:
        return Palette(theme, self.settings.palette == "color-blind")

    def watch_theme(self, name: str) -> None:
        self.palette = self._palette(name)

    def _fatal_error(self) -> None:
        """Textual would print a traceback over the restored terminal: it goes to the log, and one line to people."""
        import traceback

        error = self._exception
        if error is not None and sys.stderr is not None:
            os.write(2, "".join(traceback.format_exception(error)).encode(errors="backslashreplace"))
            self.farewell = [f"dltui: the screen failed ({type(error).__name__}); runs go on, see screen.log"]
        self._close_messages_no_wait()


def make_app(
    services: Services | None = None,
    terminal: Terminal | None = None,
    open_run: RunDirectory | None = None,
    new: bool = False,
    meter: Meter | None = None,
    settings: ScreenSettings | None = None,
) -> DltuiApp:
    """The app, for the command line and for tests."""
    return DltuiApp(services or Services(), terminal or examine(os.environ), open_run, new, meter, settings)
