"""The keys of the form: a run at once, a run as soon as its device is free, or a trial of a few batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.tui.base.page import Page, bind
from dltui.tui.base.threads import in_thread
from dltui.tui.draw.wording import duration

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.setting import Setting


class Started(Message):
    """The run exists and its worker has been started."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run


class Tried(Message):
    """A dry run went well; it took so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class FormStart(Page):
    """A page with a form of which a run can be made."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "start", "start", "start the run; while a value is typed: take it"),
        bind("t", "try", "try", "20 batches, evaluation and figures, to see whether it works; nothing is kept"),
        bind("f", "queue", "start when free", "queue the run: it starts when its device is free, screen or no screen"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.form: RunForm | None = None
        self.starting = False
        self.preparing = ""
        self.trying: float | None = None
        """Since when a dry run is under way, unix seconds."""

    def show_setting(self, setting: Setting) -> None:
        """Select the row of a setting that is wrong."""
        raise NotImplementedError

    def begin_path(self) -> bool:
        """Whether a path has to be typed first."""
        return False

    def on_started(self, message: Started) -> None:
        self.dltui.started(message.run)

    def action_start(self) -> None:
        self._start(self.dltui.services.start, queued=False)

    def action_try(self) -> None:
        form = self.form
        if form is None or self.trying is not None or self.begin_path() or not self._startable(form):
            return
        began, command = self.dltui.services.clock(), form.command()
        self.trying = began

        def work() -> Message:
            try:
                self.dltui.services.try_out(command)
            finally:
                self.trying = None
            return Tried(self.dltui.services.clock() - began)

        self.notice.hush()
        in_thread(self, "try", work)

    def on_tried(self, message: Tried) -> None:
        took = duration(message.seconds)
        self.notice.say(
            f"it works: batches, evaluation and figures in {took}; Enter starts the run", "good", seconds=30
        )

    def action_queue(self) -> None:
        self._start(self.dltui.services.enqueue, queued=True)

    def _start(self, start: Callable[[Any, Any, Callable[[str], None]], RunDirectory], queued: bool) -> None:
        form = self.form
        if form is None or self.starting or self.begin_path() or not self._startable(form):
            return
        self.starting, self.preparing = True, ""
        self.notice.hush()
        in_thread(self, "start", lambda: Started(start(form.request(queued), form.catalog, self._tell)))

    def _tell(self, text: str) -> None:
        """In a thread: how far own data are prepared; drawn at the next tick."""
        self.preparing = text

    def _startable(self, form: RunForm) -> bool:
        """Whether nothing stands against it; if something does, it is said and shown."""
        setting, problem = form.first_problem()
        if problem:
            if setting is not None:
                self.show_setting(setting)
            self.notice.say(problem, "bad")
            self.redraw()
        elif self.dltui.services.read_only:
            self.notice.say("read-only: you can watch, not change anything", "bad")
        else:
            return True
        return False


AGAIN_SECONDS = 50.0
"""A process that waits gives up after a minute: a form in use asks for another one before."""


class WarmUp(FormStart):
    """A form that has a process ready for the framework and the device that are chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._warm: tuple[str, str] | None = None
        self._warm_since = 0.0

    def warm_up(self) -> None:
        """To be called whenever somebody uses the form."""
        form, services = self.form, self.dltui.services
        if form is None or services.read_only or self.dltui.settings.warm == "off":
            return
        wanted, now = (form.framework, form.device), services.clock()
        if wanted == self._warm and now - self._warm_since < AGAIN_SECONDS:
            return
        self._warm, self._warm_since = wanted, now
        framework, device = wanted
        self.run_worker(lambda: services.warm_up(form.catalog, framework, device), thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        if self._warm is not None:
            self.dltui.services.cool_down()
