"""The full-screen app: navigation between its pages, the keys that work on all of them, and its theme."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.events import Key, Paste

from dltui.core.errors import DltuiError
from dltui.core.text import safe
from dltui.tui.base.appearance import Appearance
from dltui.tui.base.effects import mouse
from dltui.tui.base.effects.alerts import Notices, sequence
from dltui.tui.base.effects.taskbar import Taskbar
from dltui.tui.base.frames.lean_app import LeanApp
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.services import Services
from dltui.tui.base.threads import CarriedOut, Failed, Told, attempt, in_thread
from dltui.tui.terminal.capabilities import Terminal, examine
from dltui.tui.terminal.driver import QuietDriver
from dltui.tui.terminal.leaving import TerminalWatch, WaysOut, has_shell
from dltui.tui.terminal.meter import Frames
from dltui.tui.terminal.settings import ScreenSettings
from dltui.tui.terminal.theme import OTHER, color_system, textual_theme
from dltui.tui.terminal.theme_colors import PLAIN
from dltui.tui.terminal.typed import Typed

if TYPE_CHECKING:
    from pathlib import Path

    from textual.events import Event
    from textual.message import Message
    from textual.screen import Screen
    from textual.timer import Timer

    from dltui.core.catalog.entries import DatasetEntry, ModelEntry
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.effects.images import Images
    from dltui.tui.base.effects.screen_picture import Pictured
    from dltui.tui.base.effects.sixel_images import SixelImages
    from dltui.tui.base.host import Host
    from dltui.tui.base.summary import Summary
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.terminal.meter import Meter

    def _as_pages_see_it(app: DltuiApp) -> Host:
        """Let the type checker verify that the app implements what its pages need."""
        return app


class DltuiApp(LeanApp, inherit_bindings=False):
    """The app. It knows the pages and the theme; all other state lives in the pages."""

    TITLE = "dltui"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("q", "leave", "leave", "leave the screen; runs go on"),
        bind("question_mark", "keys", "all keys", "every key of this page"),
        bind("ctrl+p", "palette", "all actions", "every action by name; type to filter"),
        bind("S", "settings", "settings", "theme, colors, letters, notifications: remembered"),
        bind("ctrl+s", "picture", "picture", "this screen as SVG, and as PNG where something installed draws it"),
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
        replay: bool = False,
    ) -> None:
        self.settings = settings or ScreenSettings()
        self._terminal = terminal
        self._images: Images | SixelImages | None = None
        self._appearance = Appearance(terminal, self.settings, self._number_of_image)
        super().__init__(QuietDriver, ansi_color=True if self._appearance.theme == PLAIN else None)
        self.services = services
        self.closing_lines: list[str] = []
        """Lines for the shell, after leaving."""
        self._watched: dict[str, RunDirectory] = {}
        """The runs that were live when their page was left."""
        self._unstarted: list[str] = []
        """The lines for the shell of what is still being started."""
        self.first_time = False
        self.ways_out: WaysOut | None = None
        """Listens to signals, where there is a real terminal."""
        self.after_first_frame: Callable[[], object] = gc.enable
        self.notices = Notices(self._tell, lambda: self.settings.notices)
        self.taskbar = Taskbar(self._write, os.environ)
        self._first = (open_run, new, replay)
        self._terminal_watch = TerminalWatch()
        self._frames = Frames(meter)
        self._timer: Timer | None = None
        self.palette = self._appearance.palette(self._appearance.theme)
        self._show_theme(self._appearance.theme)
        self.color_rules()

    @property
    def look(self) -> Look:
        return self._appearance.look

    def get_default_screen(self) -> Screen[None]:
        """The list of runs, under everything else."""
        from dltui.tui.run_list.page import RunsPage

        return RunsPage()

    def on_mount(self) -> None:
        run, new, replay = self._first
        if run is not None:
            self.push_screen(self._run_page(run, replay))
        elif new:
            self.open_form()
        self._timer = self.set_interval(self.pace, self._tick)
        if self.first_time:
            self.call_after_refresh(self._welcome)
        self.call_after_refresh(lambda: self.after_first_frame())
        # The terminal comes back empty after Ctrl-Z and fg.
        self.app_resume_signal.subscribe(self, lambda _: self._come_back())
        if self.ways_out is not None:
            self.ways_out.begin(lambda code: self.exit(return_code=code))

    def on_key(self, event: Key) -> None:
        """Handle a key before any binding: keys typed ahead belong to the question that the previous key opened,
        although they were sent to the page.
        """
        if isinstance(self.screen, Page) and self.screen.notice.asking:
            self.screen.notice.on_key(event)

    def on_typed(self, event: Typed) -> None:
        """Pass letters on through the queue of the keys, so that the keys before them take effect first."""
        if not self._unseen:
            self.screen.post_message(Typed(event.text))

    async def on_event(self, event: Event) -> None:
        """Drop keys that would act on a page of which only a card is shown: q leaves, whatever it does elsewhere."""
        if not isinstance(event, (Key, Paste)) or not self._unseen:
            await super().on_event(event)
        elif isinstance(event, Key) and event.key == "q":
            self.action_leave()
        elif isinstance(event, Key) and event.key in ("ctrl+c", "ctrl+z"):
            await super().on_event(event)

    @property
    def _unseen(self) -> bool:
        """True if the terminal is too small for the page."""
        # While the app ends there is no screen any more.
        page = self.screen_stack[-1] if self.screen_stack else None
        return isinstance(page, Page) and page.unseen

    def _tick(self) -> None:
        self._terminal_watch.tick()
        if not self._frames.tick(self._say_slow):
            return
        # While the app ends there is no screen any more.
        page = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(page, Page):
            page.tick()

    def _say_slow(self, ticks: int) -> None:
        if isinstance(self.screen, Page):
            self.screen.notice.say(f"slow link: a frame every {self.pace * ticks:g} s", "dim")

    def open_run(self, run: RunDirectory) -> None:
        """Show a run over the list of runs."""
        self.push_screen(self._run_page(run))

    def open_form(self, like: RunDirectory | None = None, instead: Mapping[str, Any] | None = None) -> None:
        """Show the form for a new run, filled like another run; `instead` are hyperparameters that differ."""
        from dltui.tui.new_run.page import NewRunPage

        self.push_screen(NewRunPage(like, instead))

    def open_fork(self, run: RunDirectory, instead: Mapping[str, Any] | None = None) -> None:
        """Show the form of a run that begins with the last checkpoint of another; `instead` are hyperparameters that
        differ.
        """
        from dltui.tui.new_run.page import NewRunPage

        self.push_screen(NewRunPage(run, instead, fork=True))

    def open_comparison(self, runs: Sequence[RunDirectory]) -> None:
        """Show the comparison of runs."""
        from dltui.tui.pages.compare import ComparePage

        self.push_screen(ComparePage(runs))

    def open_sweep(self, name: str) -> None:
        """Show a sweep over the list of runs."""
        from dltui.tui.sweep_page.page import SweepPage

        self.push_screen(SweepPage(name))

    def open_pair(self, runs: Sequence[RunDirectory]) -> None:
        """Show two runs sample by sample."""
        from dltui.tui.pages.paired import PairPage

        self.push_screen(PairPage(runs))

    def open_data(
        self, entry: DatasetEntry, request: RunRequest, take: Callable[[Path], None], model: ModelEntry | None
    ) -> None:
        """Show what is wrong with a request's dataset for a model; `take` gets the review of its marked samples."""
        from dltui.tui.pages.data import DataPage, review_file

        review = review_file(request.exports, entry, request.dataset_options, model)
        self.push_screen(DataPage(entry, request.dataset_options, request.data_dir, review, take, model))

    def open_resumption(self, run: Summary) -> None:
        """Show the plan for resuming a run that has ended."""
        from dltui.tui.pages.resume import ResumePage

        self.push_screen(ResumePage(run))

    def started(self, run: RunDirectory) -> None:
        """Replace the form by the page of the run that was started from it."""
        self._put_in_place_of_form(self._run_page(run))

    def swept(self, name: str) -> None:
        """Replace the form by the page of the sweep that was started from it."""
        from dltui.tui.sweep_page.page import SweepPage

        self._put_in_place_of_form(SweepPage(name))

    def _put_in_place_of_form(self, page: Screen[None]) -> None:
        """Put a page in the place of the form, and of what was opened over it meanwhile, such as the help."""
        from dltui.tui.new_run.page import NewRunPage

        if any(isinstance(screen, NewRunPage) for screen in self.screen_stack):
            while not isinstance(self.screen, NewRunPage):
                self.pop_screen()
        self.switch_screen(page)

    def back(self) -> None:
        """Return to the page below; the lowest is the list of runs."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def home(self, run: str) -> None:
        """Return to the page that lists runs, a sweep or at last the list of all, with the cursor on this run."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
            if isinstance(self.screen, Page) and self.screen.listing:
                self.screen.select(run)
                return

    def watched(self, run: RunDirectory) -> None:
        """Record that a live run was watched, so that after leaving, the shell shows how to come back to it."""
        self._watched[run.id] = run

    def carry_out(
        self, page: Screen[Any], task: str, work: Callable[[], Message | None], starts: str = "", lost: str = ""
    ) -> None:
        """Run `work` in a thread, as `in_thread` does. Where the page is left meanwhile, the one on top says what came
        of it; `starts` names what it starts, and `lost` is the line for the shell where the screen is left before.
        """
        self._unstarted += [lost] if lost else []

        def carried_out() -> Message:
            found = attempt(task, work)
            if lost:
                # Here, since an app that is about to end takes no message.
                self._unstarted.remove(lost)
            return CarriedOut(page, found, starts)

        in_thread(self, task, carried_out)

    def on_carried_out(self, message: CarriedOut) -> None:
        found = message.found
        if found is None:
            return
        # While the app ends there is no screen any more.
        top = self.screen_stack[-1] if self.screen_stack else None
        if message.page in self.screen_stack:
            message.page.post_message(found)
        elif not isinstance(top, Page):
            return
        elif isinstance(found, Failed):
            before = f"{message.starts} was not started: " if message.starts else ""
            top.notice.say(f"{before}{found.reason}", "bad", seconds=60)
        elif isinstance(found, Told):
            top.notice.say(found.text, "good", seconds=60)

    def tell_shell(self, line: str) -> None:
        """Have a line shown in the shell, once, after leaving."""
        if line not in self.closing_lines:
            self.closing_lines.append(line)

    def last_lines(self) -> list[str]:
        """The lines for the shell: those that were told, what was left before it was started, and how to come back to
        what was watched and is still live.
        """
        runs, clock = self.services.runs, self.services.clock
        going = [safe(name) for name, run in self._watched.items() if runs.goes_on(run, clock.now)]
        back = [f"{name} goes on; back with: dltui attach {name}" for name in going]
        return [*self.closing_lines, *self._unstarted, *back]

    def _run_page(self, run: RunDirectory, replay: bool = False) -> Screen[None]:
        from dltui.tui.run_page.page import RunPage

        return RunPage(run, replay)

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

    def action_suspend_process(self) -> None:
        if has_shell():
            super().action_suspend_process()
        elif isinstance(self.screen, Page):
            self.screen.notice.say("no shell waits to go back to; q leaves, runs go on", "warn")

    def action_theme(self) -> None:
        self._show_theme(OTHER.get(self.theme, self.theme))

    def _welcome(self) -> None:
        if isinstance(self.screen, Page):
            self.screen.notice.say(
                "first time here? ? shows every key, S opens the settings, q leaves", "accent", seconds=60
            )

    def _tell(self, text: str) -> None:
        """Write an alert to the terminal through Textual's driver, in order with all other output."""
        signs = sequence(text, os.environ)
        if signs:
            self._write(signs)

    def _write(self, signs: str) -> None:
        if self._driver is not None:
            self._driver.write(signs)

    def _number_of_image(self, image: Any, columns: int, rows: int) -> int:
        """Give an image to the terminal; most terminals show none."""
        if self._images is None:
            from dltui.tui.base.effects.images import given

            self._images = given(self._appearance.images, self._write, self._driver)
        return self._images.number(image, columns, rows)

    def image_cells(self, number: int, row: int, count: int) -> str:
        """The cells of one row of an image."""
        return " " * count if self._images is None else self._images.cells(number, row, count)

    def _come_back(self) -> None:
        if self._images is not None:
            self._images.send_again()
        self.refresh(layout=True)

    def _as_svg(self) -> str:
        """The page as SVG, its images in half blocks."""
        shown = self._appearance
        self._appearance = Appearance(self._terminal._replace(images=""), self.settings)
        self._redraw()
        try:
            return self.export_screenshot()
        finally:
            self._appearance = shown
            self._redraw()

    def _redraw(self) -> None:
        for rows in self.screen.query(Rows):
            rows.redraw()

    def exit(self, *given: Any, **more: Any) -> None:
        self.taskbar.clear()
        if self._images is not None:
            self._images.clear()
        super().exit(*given, **more)

    def action_settings(self) -> None:
        from dltui.tui.pages.settings import SettingsPage

        if isinstance(self.screen, Page) and not isinstance(self.screen, SettingsPage):
            self.push_screen(SettingsPage())

    def action_picture(self) -> None:
        """Save a picture of the page."""
        page = self.screen
        if not isinstance(page, Page):
            return
        from dltui.tui.base.effects.screen_picture import Pictured

        svg, services, columns = self._as_svg(), self.services, self.size.width
        page.notice.say("saving a picture ...", "accent", seconds=60)

        def work() -> Pictured:
            try:
                return Pictured(services.exporting.picture(svg, page.picture_folder, columns))
            except DltuiError as error:
                return Pictured([], str(error))

        in_thread(self, "picture", work)

    def on_pictured(self, message: Pictured) -> None:
        if not isinstance(self.screen, Page):
            return
        if message.problem:
            self.screen.notice.say(message.problem, "bad", seconds=30)
        else:
            names = " and ".join([str(message.files[0]), *(file.suffix[1:].upper() for file in message.files[1:])])
            hint = "" if len(message.files) > 1 else "; PNG needs resvg-py, cairosvg or rsvg-convert"
            self.screen.notice.say(f"saved: {names}{hint}", "good", seconds=30)

    @property
    def pace(self) -> float:
        """The seconds between two reads of a run."""
        return 1.0 / int(self.settings.tick)

    def apply(self, settings: ScreenSettings) -> None:
        """Use other settings from here on."""
        if self._images is not None and settings.images != self.settings.images:
            self._images.clear()
            self._images = None
        self.settings = settings
        self._appearance = Appearance(self._terminal, settings, self._number_of_image)
        self._show_theme(self._appearance.theme)
        self.palette = self._appearance.palette(self.theme)
        if self._timer is not None:
            self._timer.stop()
            self._timer = self.set_interval(self.pace, self._tick)
        if isinstance(self._driver, QuietDriver):
            self._driver.answer_clicks(mouse.wanted(settings.mouse, os.environ))
        for screen in self.screen_stack:
            for rows in screen.query(Rows):
                rows.refresh()

    def _show_theme(self, name: str) -> None:
        self.register_theme(textual_theme(name))
        self.theme = name

    def watch_theme(self, name: str) -> None:
        # Rich guesses it from TERM, of which it knows fewer than we do.
        self.console._color_system = color_system(name)
        self.palette = self._appearance.palette(name)

    def _fatal_error(self) -> None:
        """Write the traceback to the log and a line to the user, where Textual would print it over the restored
        terminal.
        """
        import traceback

        error = self._exception
        if error is not None and sys.stderr is not None:
            os.write(2, "".join(traceback.format_exception(error)).encode(errors="backslashreplace"))
            self.closing_lines = [f"dltui: the screen failed ({type(error).__name__}); runs go on, see screen.log"]
        self._close_messages_no_wait()


def make_app(
    services: Services | None = None,
    terminal: Terminal | None = None,
    open_run: RunDirectory | None = None,
    new: bool = False,
    meter: Meter | None = None,
    settings: ScreenSettings | None = None,
    replay: bool = False,
) -> DltuiApp:
    """The app, for the command line and for tests."""
    return DltuiApp(services or Services(), terminal or examine(os.environ), open_run, new, meter, settings, replay)
