"""The keys that start the run of the form: at once, queued, or as a dry run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

from dltui.core.numbers import duration, is_whole
from dltui.core.text import safe
from dltui.tui.base.page import press
from dltui.tui.base.threads import Told, in_thread
from dltui.tui.draw.styled_text import Row
from dltui.tui.new_run import outcome
from dltui.tui.new_run.state import GROUPS

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.base.threads import Failed
    from dltui.tui.new_run.fields.path_field import PathField
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.state import FormState

START_KEYS = (
    press("enter", "start", "start the run; while a value is typed: take it"),
    press("t", "try", "20 batches, evaluation and figures, to see whether it works; nothing is kept"),
    press("f", "start when free", "queue the run: it starts when its device is free, screen or no screen"),
)
"""For the bindings of a page that has `StartKeys`."""


class Started(Told):
    """A message that the run exists and its worker has been started."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__(f"{run.id} has begun")
        self.run = run


class SweepBegun(Told):
    """A message that the sweep of this name has begun."""

    def __init__(self, name: str) -> None:
        super().__init__(f"sweep {name} has begun")
        self.name = name


class Tried(Message):
    """A message that a dry run of a command line succeeded, with its duration in seconds."""

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        super().__init__()
        self.command, self.seconds = command, seconds


class StartKeys:
    """Handles START_KEYS, and keeps the pending tasks."""

    def __init__(self, page: Page, state: FormState, path: PathField) -> None:
        self._page, self._state, self._path = page, state, path
        self.starting = False
        self._preparing = ""
        self._trying: float | None = None
        """Since when a dry run is under way, unix seconds."""
        self.free_device: Callable[[], None] = lambda: None
        """Ends what else has the device: what is started gets all of it."""
        self.answers: dict[str, Answer] = {"enter": self.start, "t": self.try_out, "f": self.queue}

    def start(self) -> None:
        if self._state.form is not None and self._state.form.parent is not None:
            self._fork(self._state.form)
            return
        if self._state.form is not None and self._state.form.is_sweep:
            self._ask_for_trials()
            return
        self._start(self._page.host.services.starting.start, queued=False)

    def _fork(self, form: RunForm) -> None:
        """Start the fork, in a thread."""
        if self.starting or form.parent is None or not self.startable(form):
            return
        parent, words, starting = form.parent, outcome.fork_words(form), self._page.host.services.starting
        self._begin(f"the fork of {parent.id}", lambda: Started(starting.fork(parent, words)), "forking")

    def _begin(self, what: str, work: Callable[[], Message], preparing: str = "") -> None:
        """Start a run or a sweep in a thread; `what` names it where the form is left before."""
        self.starting, self._preparing = True, preparing
        self.free_device()
        self._page.notice.clear_message()
        lost = f"{safe(what)} had not begun: start it again unless dltui runs lists it"
        self._page.host.carry_out(self._page, "start", work, starts=what, lost=lost)

    def _refuse_fork(self) -> bool:
        """Say that a fork can only be started; False where the form is of no fork."""
        if self._state.form is None or self._state.form.parent is None:
            return False
        self._page.notice.say("a fork is started with Enter; a of the list starts from anew, with all choices", "warn")
        return True

    def queue(self) -> None:
        if self._refuse_fork():
            return
        if self._state.form is not None and self._state.form.is_sweep:
            # Its trials wait for the device anyway.
            self._ask_for_trials()
            return
        self._start(self._page.host.services.starting.enqueue, queued=True)

    def _start(self, start: Callable[[Any, Any, Callable[[str], None]], RunDirectory], queued: bool) -> None:
        form = self._state.form
        if form is None or self.starting or self._path.begin() or not self.startable(form):
            return
        asked = form.kept()
        self._begin(_title(asked), lambda: Started(start(outcome.request(asked, queued), asked.catalog, self._tell)))

    def _ask_for_trials(self) -> None:
        """Ask for the number of trials, and begin the sweep."""
        from dltui.core.analysis.trials.plan import TRIALS

        form = self._state.form
        if form is None or self.starting or self._path.begin() or not self.startable(form):
            return
        self._page.notice.prompt("how many trials", str(TRIALS), _trials_problem, lambda text: self._sweep(int(text)))

    def _sweep(self, trials: int) -> None:
        form, sweeps = self._state.form, self._page.host.services.sweeps
        if form is None:
            return
        asked = form.kept()
        self._begin(
            f"a sweep of {_title(asked)}",
            lambda: SweepBegun(
                sweeps.start(outcome.sweep(asked, trials), outcome.request(asked), asked.catalog, self._tell)
            ),
        )

    def _tell(self, text: str) -> None:
        """Store the progress of the data preparation. Called in a thread; drawn at the next tick."""
        self._preparing = text

    def try_out(self) -> None:
        if self._refuse_fork():
            return
        form, services = self._state.form, self._page.host.services
        if form is not None and form.is_sweep:
            self._page.notice.say(
                "a range makes this a sweep: Enter starts it; one value in its place can be tried", "warn"
            )
            return
        if form is None or self._trying is not None or self._path.begin() or not self.startable(form):
            return
        began, command = services.clock.passed(), outcome.command(form)
        self._trying = began

        def work() -> Message:
            try:
                services.starting.try_out(command)
            finally:
                self._trying = None
            return Tried(command, services.clock.passed() - began)

        self.free_device()
        self._page.notice.clear_message()
        in_thread(self._page, "try", work)

    def tried(self, message: Tried) -> None:
        """Show that the dry run succeeded, of the form as it is or as it was."""
        took, form = f"batches, evaluation and figures in {duration(message.seconds)}", self._state.form
        if form is not None and outcome.command(form) == message.command:
            self._page.notice.say(f"it works: {took}; Enter starts the run", "good", seconds=30)
        else:
            self._page.notice.say(f"it works as the form was: {took}; it has changed since", "warn", seconds=30)

    def failed(self, message: Failed, typing: bool) -> None:
        """Show the reason, and the setting that it names unless something is being typed. The failure of a dry run does
        not affect a pending start.
        """
        self.starting = self.starting and message.task != "start"
        meant = self._state.form.meant(message.reason) if self._state.form is not None else None
        if meant is not None and not typing:
            self._state.show(meant)
            self._path.look()
            self._page.redraw()
        self._page.notice.say(message.reason, "bad", seconds=60)

    def row(self) -> Row:
        """The pending start or dry run; empty without one."""
        if self._trying is not None:
            passed = duration(self._page.host.services.clock.passed() - self._trying)
            return [(f" trying 20 batches, evaluation and figures: {passed}; nothing is kept", "accent")]
        if self.starting:
            doing = safe(self._preparing) or "checking the data and the device"
            return [(f" {doing} ...; stay until it begins", "accent")]
        return []

    def startable(self, form: RunForm) -> bool:
        """True if the run can be started; else the reason is shown."""
        if self.starting:
            self._page.notice.say("it is being started: wait until it has begun", "warn")
            return False
        setting, problem = form.first_problem()
        if problem:
            if setting is not None:
                self._state.show(setting)
            elif form.model is None:
                self._state.part = GROUPS.index("model")
            elif form.dataset is None:
                # The path is missing: the cursor goes where it is typed.
                self._state.part = GROUPS.index("dataset")
                self._path.begin()
            elif problem == form.device_problem:
                self._state.part = GROUPS.index("device")
            self._page.notice.say(problem, "bad")
            self._path.look()
            self._page.redraw()
        elif self._page.host.services.viewer.read_only:
            self._page.notice.say("read-only: you can watch, not change anything", "bad")
        else:
            return True
        return False


def _title(form: RunForm) -> str:
    """What a form names the run that it starts."""
    model = form.model.id if form.model else form.model_name
    return form.typed.get("run:name") or f"{model} on {form.dataset_name}"


def _trials_problem(text: str) -> str:
    from dltui.core.analysis.trials.plan import MOST_TRIALS

    return "" if is_whole(text, MOST_TRIALS) else f"a whole number from 1 to {MOST_TRIALS:,}"


AGAIN_SECONDS = 50.0
"""The interval in seconds at which a form in use starts a new waiting process: each gives up after a minute."""


class WarmUp:
    """Keeps a process ready for the chosen framework and device."""

    def __init__(self, page: Page, state: FormState) -> None:
        self._page, self._state = page, state
        self._wanted: tuple[str, str] | None = None
        self._since = 0.0

    def used(self) -> None:
        """Note that the form is in use; called at each key."""
        form, services = self._state.form, self._page.host.services
        if form is None or services.viewer.read_only or self._page.host.settings.warm == "off":
            return
        wanted, now = (form.framework, form.device), services.clock.passed()
        if wanted == self._wanted and now - self._since < AGAIN_SECONDS:
            return
        self._wanted, self._since = wanted, now
        framework, device = wanted
        self._page.run_worker(
            lambda: services.warm.begin(form.catalog, framework, device), thread=True, exit_on_error=False
        )

    def end(self) -> None:
        """End the process, because the form was left."""
        if self._wanted is not None:
            self._page.host.services.warm.end()
