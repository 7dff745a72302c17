"""Commands to a run: sent as files, shown as sent until the run's log acknowledges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from dltui.core.errors import DltuiError, UsageError
from dltui.core.numbers import duration, exact
from dltui.core.reading.launched import WAITING
from dltui.core.rundir.commands import new_id
from dltui.core.text import safe
from dltui.core.train.options import time_budget
from dltui.tui.base.threads import Told, in_thread
from dltui.tui.draw.styled_text import Row
from dltui.tui.draw.wording import LIVE

if TYPE_CHECKING:
    from dltui.tui.base.page import Page
    from dltui.tui.base.summary import Summary

DONE = {
    "pause": "paused",
    "resume": "goes on",
    "stop": "stops and keeps everything",
    "checkpoint": "saved a checkpoint",
    "set": "changed the learning rate",
}
NAMES = {"resume": "continue", "checkpoint": "checkpoint", "set": "new learning rate"}
LARGEST_LR = 10.0


@dataclass(frozen=True)
class Sent:
    """A command that has not been acknowledged; `run` is the id of its run, `name` what that is called."""

    run: str
    name: str
    host: str
    action: str
    when: float


class AtRisk(Message):
    """A message with a description of what a kill of this run would lose."""

    def __init__(self, run: Summary, cost: str) -> None:
        super().__init__()
        self.run = run
        self.cost = cost


class Orders:
    """The orders of a page to runs, with results on its notice row. `known` gives a run by its id as it is at that
    moment, None when it is gone.
    """

    def __init__(self, page: Page, known: Callable[[str], Summary | None]) -> None:
        self.page = page
        self._known = known
        self.services = page.host.services
        self.waiting: dict[str, Sent] = {}
        self._exporting = False

    def pause(self, run: Summary) -> None:
        """Pause the run, or continue it when it is paused."""
        self._send(run, "resume" if run.status == "paused" else "pause", {})

    def give_back(self, run: Summary) -> None:
        """Ask how to pause the run so that others can have its device."""
        if self._has_worker(run, "pause"):
            if run.keeps_device:
                self._refuse(f"{run.name} cannot give its device back: {run.keeps_device}")
                return
            text = f"pause {run.name}, give its device back?   y yes   f until it is free   Esc no"
            answers = {"y": lambda: self._release(run, False), "f": lambda: self._release(run, True)}
            self.page.notice.ask(text, answers)

    def _release(self, asked: Summary, until_free: bool) -> None:
        self._send(self._latest(asked), "pause", {"release": True, "until_free": until_free})

    def stop(self, run: Summary) -> None:
        if self._may(run, "stop"):
            queued = run.status == "queued"
            what = f"take {run.name} out of the queue?" if queued else f"stop {run.name} early and keep everything?"
            text = f"{what}   y yes   Esc no"
            self.page.notice.ask(text, {"y": lambda: self._stop(self._latest(run))})

    def _stop(self, run: Summary) -> None:
        if run.phase != WAITING:
            self._send(run, "stop", {})
            return

        def take_out() -> Message:
            self.services.commands.take_out(run.directory)
            return Told(f"{run.name} is out of the queue; r starts it")

        in_thread(self.page, "stop", take_out)

    def kill(self, run: Summary) -> None:
        """Ask whether to end the run at once, as soon as the cost is known."""
        if self._may(run, "kill"):
            in_thread(self.page, "kill", lambda: AtRisk(run, self.services.commands.kill_cost(run.directory)))

    def ask_to_kill(self, run: Summary, cost: str) -> None:
        def end() -> Message:
            self.services.commands.kill(run.directory, run.attempt or None)
            return Told(f"{run.name} killed ({cost}); r goes on from there")

        def answer() -> None:
            if self._may(self._latest(run), "kill"):
                in_thread(self.page, "kill", end)

        self.page.notice.ask(f"kill {run.name}? lost: {cost}   y yes   Esc no", {"y": answer})

    def checkpoint(self, run: Summary) -> None:
        self._send(run, "checkpoint", {})

    def learning_rate(self, run: Summary, current: float | None) -> None:
        """Ask for a new learning rate."""
        if self._has_worker(run, "change"):
            value = "" if current is None else exact(current)
            self.page.notice.prompt(
                "new learning rate (↑ x2, ↓ /2)", value, _lr_problem, lambda text: self._set(run, text), step=_doubled
            )

    def _set(self, asked: Summary, text: str) -> None:
        self._send(self._latest(asked), "set", {"lr": float(text)})

    def resume(self, run: Summary) -> None:
        """Resume a run that has ended, after showing the plan."""
        if run.status == "paused":
            self._send(run, "resume", {})
        elif not self.services.viewer.may_command(run.directory):
            self._refuse("read-only: another viewer may resume it")
        elif run.is_live:
            self._refuse(f"{run.name} is {run.status}: nothing to resume")
        elif run.timed and run.status == "finished":
            self._more_time(run)
        else:
            self.page.host.open_resumption(run)

    def _more_time(self, run: Summary) -> None:
        """Ask for how long a run that has trained for its time is to train, and go on in a fork."""
        before = str(run.facts["max_time"])

        def go_on(text: str) -> Message:
            made = self.services.starting.fork(run.directory, [f"max_time={text}"])
            return Told(f"{made.id} goes on where {run.name} ended, for {text} in all")

        self.page.notice.prompt(
            f"train {run.name} in a fork, in all for (it was {safe(before)})",
            _twice(before),
            lambda text: _time_problem(text, before),
            lambda text: in_thread(self.page, "fork", lambda: go_on(text)),
        )

    def export(self, runs: Sequence[Summary]) -> None:
        """Draw the figures of runs, one after the other, and show how to copy them."""
        if self._exporting:
            self._refuse("the figures are being drawn: one round after the other")
            return
        ready = [run for run in runs if run.epochs_done or run.test]
        if not ready:
            self._refuse("no figures yet: the first epoch is not done")
            return
        self._exporting = True
        self._drawing(ready[0], 1, len(ready))
        in_thread(self.page, "export", lambda: self._export(ready))

    def _drawing(self, run: Summary, number: int, count: int) -> None:
        which = f" of {run.name} ({number} of {count})" if count > 1 else ""
        self.page.notice.say(f"drawing the figures{which} ...", "accent", seconds=60)

    def _export(self, runs: Sequence[Summary]) -> Message:
        """Draw the figures, in a thread. A run that cannot be drawn does not keep the others from it."""
        try:
            return self._draw(runs)
        finally:
            self._exporting = False

    def _draw(self, runs: Sequence[Summary]) -> Message:
        folders, drawn, problems = [], [], []
        for number, run in enumerate(runs, start=1):
            self.page.host.call_from_thread(self._drawing, run, number, len(runs))
            try:
                folders.append(self.services.exporting.export(run.directory))
                drawn.append(run.id)
            except DltuiError as error:
                problems.append(f"{run.name}: {error}")
        if not folders:
            raise UsageError(problems[0])
        line = self.services.exporting.copy_line(*folders)
        text = f"{problems[0]}; the other {len(folders)}: {line}" if problems else line
        return Told(text, line, drawn)

    def acknowledge(self, commands: Sequence[tuple[str, str, int]]) -> None:
        """Remove the commands that the log has acknowledged, as (id, action, step), and show the result."""
        for identity, action, step in commands:
            sent = self.waiting.pop(identity, None)
            if sent is None:
                continue
            if action == "ignored":
                self._refuse(f"{sent.name} ignored {sent.action}: see its log")
            else:
                self.page.notice.say(f"{sent.name} {DONE.get(sent.action, sent.action)} at step {step:,}", "good")

    def row(self, now: float) -> Row:
        """The command that waits longest at the time `now` of `Clock.passed`; empty when none does."""
        self._forget_ended()
        sent = next(iter(self.waiting.values()), None)
        if sent is None:
            return []
        name = NAMES.get(sent.action, sent.action)
        text = f" {name}: sent, waiting for {sent.host or sent.name}  {duration(max(now - sent.when, 0.0))}"
        return [(text, "warn")]

    def _forget_ended(self) -> None:
        """Forget the commands to runs that have ended or are gone: they will not be acknowledged."""
        for key, sent in list(self.waiting.items()):
            run = self._known(sent.run)
            if run is None or not run.is_live:
                del self.waiting[key]

    def _latest(self, run: Summary) -> Summary:
        """The run as it is when a question about it is answered, which may have been open for long."""
        return self._known(run.id) or run

    def _may(self, run: Summary, word: str) -> bool:
        if not self.services.viewer.may_command(run.directory):
            self._refuse("read-only: you can watch, not change anything")
        elif run.status not in LIVE:
            self._refuse(f"{run.name} is {run.status}: nothing to {word}")
        else:
            return True
        return False

    def _has_worker(self, run: Summary, word: str) -> bool:
        """As `_may`, for what a worker has to do."""
        if not self._may(run, word):
            return False
        if run.phase == WAITING:
            self._refuse(f"{run.name} has no worker yet: it {run.why}")
        return run.phase != WAITING

    def _send(self, run: Summary, action: str, arguments: dict[str, Any]) -> None:
        words = {"checkpoint": "checkpoint", "set": "change", "resume": "continue"}
        if not self._has_worker(run, words.get(action, action)):
            return
        sent = Sent(run.id, run.name, run.host, action, self.services.clock.passed())
        if run.via:
            self._send_there(run, sent, arguments)
            return
        try:
            identity = self.services.commands.send(run.directory, action, arguments, attempt=run.attempt or None)
        except (DltuiError, OSError) as error:
            self._refuse(str(error))
            return
        self.waiting[identity] = sent
        self.page.notice.clear_message()

    def _send_there(self, run: Summary, sent: Sent, arguments: dict[str, Any]) -> None:
        """Send a command to another host, in a thread: one whose link has just broken lets wait for its answer."""
        identity = new_id()
        self.waiting[identity] = sent

        def send() -> None:
            try:
                self.services.commands.send(run.directory, sent.action, arguments, identity, run.attempt or None)
            except Exception:
                self.page.host.call_from_thread(self._take_back, identity)
                raise

        in_thread(self.page, "send", send)
        self.page.notice.clear_message()

    def _take_back(self, identity: str) -> None:
        self.waiting.pop(identity, None)

    def _refuse(self, text: str) -> None:
        self.page.notice.say(safe(text), "bad")


def _doubled(text: str, by: int) -> str:
    """Twice or half of a learning rate; what is no number stays."""
    try:
        return exact(float(f"{float(text) * 2.0**by:.6g}"))
    except ValueError:
        return text


def _twice(time: str) -> str:
    """Twice a time such as 90s or 1h30m, in words that it can be given with; what is no time stays."""
    try:
        minutes, seconds = divmod(round(2 * time_budget.parse(time)), 60)
    except UsageError:
        return time
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if count)


def _time_problem(text: str, before: str) -> str:
    """The problem of a time in place of the time before, or ""."""
    try:
        time_budget.check_clear(text)
        longer = time_budget.parse(text) > time_budget.parse(before)
    except UsageError:
        return "90s, 10m or 1h30m"
    return "" if longer else f"longer than {safe(before)}"


def _lr_problem(text: str) -> str:
    """The problem of a learning rate, or ""."""
    try:
        value = float(text)
        if not 0 < value <= LARGEST_LR:
            raise UsageError("")
    except (ValueError, UsageError):
        return f"0 < lr <= {LARGEST_LR:g}"
    return ""
