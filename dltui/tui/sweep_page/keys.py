"""The keys of the page of a sweep: what they do to the selected trial, and to the sweep."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from dltui.core.text import plural, safe
from dltui.tui.base.page import press
from dltui.tui.base.threads import Failed, Told, in_thread

if TYPE_CHECKING:
    from dltui.core.analysis.trials.trial import Trial
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.sweep_page.state import SweepState

MORE = 10
SWEEP_KEYS = (
    press("p", "promote", "a pruned trial goes on to the next rung, where it is judged again"),
    press("r", "resume", "a pruned or interrupted trial goes on to its end; it is pinned"),
    press("i", "pin", "the trial is never pruned; again takes it back"),
    press("s", "stop", "stop the trial for good; it keeps its checkpoint"),
    press("f", "fork", "a new run that begins with the last checkpoint of the trial, with other hyperparameters"),
    press("plus", "ten more", "ten more trials", shown="+"),
    press("g", "go on", "go on with the sweep where it was"),
    press("X", "stop the sweep", "no trial begins, those that run leave a checkpoint and can go on"),
    press("e", "export", "draw the four pictures as SVG"),
    press("y", "copy", "copy the command of the sweep"),
)
"""For the bindings of the page."""


class SweepKeys:
    """Answers the keys for a page."""

    def __init__(self, page: Page, state: SweepState, name: str) -> None:
        self._page, self._state, self._name = page, state, name
        self.answers: dict[str, Answer] = {
            "p": self._of_trial(self._promote),
            "r": self._of_trial(self._resume),
            "i": self._of_trial(self._pin),
            "s": self._of_trial(self._stop),
            "f": self._of_trial(self._fork),
            "plus": self._more,
            "g": self._go_on,
            "X": self._stop_sweep,
            "e": self._export,
            "y": self._copy,
        }

    def told(self, message: Told) -> None:
        """Show that a task is done."""
        self._page.notice.say(message.text, "good", seconds=30)
        if message.copy:
            self._page.host.copy_to_clipboard(message.copy)

    def _of_trial(self, work: Callable[[Trial], None]) -> Answer:
        """A handler that does nothing where no trial is selected, or where nothing may be changed."""

        def answer() -> None:
            one = self._state.trial
            if one is not None and self._may():
                work(one)

        return answer

    def _may(self) -> bool:
        if self._page.host.services.viewer.read_only:
            self._page.notice.say("read-only: you can watch, not change anything", "bad")
            return False
        return True

    def _do(self, task: str, work: Callable[[], object], text: str) -> None:
        """Do something in a thread, and say that it is done."""

        def carry_out() -> Message:
            work()
            return Told(text)

        in_thread(self._page, task, carry_out)

    def _refuse(self, text: str) -> None:
        self._page.notice.say(text, "warn")

    def _promote(self, one: Trial) -> None:
        if not one.pruned:
            self._refuse(f"{safe(one.name)} is {one.standing()}: only a pruned trial can be promoted")
            return
        services = self._page.host.services
        self._do("promote", lambda: services.sweeps.promote(one.run), f"{safe(one.name)} goes on to the next rung")

    def _resume(self, one: Trial) -> None:
        if not one.over or one.status == "finished":
            self._refuse(f"{safe(one.name)} is {one.standing()}: nothing to resume")
            return
        services = self._page.host.services
        self._do("resume", lambda: services.sweeps.resume(one.run), f"{safe(one.name)} is pinned and goes on")

    def _pin(self, one: Trial) -> None:
        services, pinned = self._page.host.services, not one.pinned
        word = "is pinned: it is never pruned" if pinned else "is not pinned any more"
        self._do("pin", lambda: services.sweeps.pin(one.run, pinned), f"{safe(one.name)} {word}")

    def _stop(self, one: Trial) -> None:
        if self._goes_on(one):
            text = f"stop {safe(one.name)} for good and keep it?   y yes   Esc no"
            self._page.notice.ask(text, {"y": lambda: self._stop_now(one)})

    def _stop_now(self, asked: Trial) -> None:
        """Stop a trial, unless it has ended while the question was open."""
        one = next((found for found in self._state.everyone if found.run.id == asked.run.id), asked)
        if self._goes_on(one):
            services = self._page.host.services
            self._do("stop", lambda: services.sweeps.stop_trial(one.run), f"{safe(one.name)} stops")

    def _goes_on(self, one: Trial) -> bool:
        if one.over:
            self._refuse(f"{safe(one.name)} is {one.standing()}: nothing to stop")
        return not one.over

    def _fork(self, one: Trial) -> None:
        self._page.host.open_fork(one.run)

    def _more(self) -> None:
        if self._may():
            services, name = self._page.host.services, self._name

            def add() -> Message:
                added = services.sweeps.more(name, MORE)
                none = f"{safe(name)} goes on without more trials: all combinations have one"
                return Told(plural(added, "more trial") if added else none)

            in_thread(self._page, "more", add)

    def _go_on(self) -> None:
        if self._may():
            services, name = self._page.host.services, self._name
            self._do("go on", lambda: services.sweeps.lead(name), f"{safe(name)} goes on")

    def _stop_sweep(self) -> None:
        if not self._may():
            return
        services, name = self._page.host.services, self._name

        def stop() -> Message:
            unreached = services.sweeps.stop(name)
            return Failed("stop", f"{name} stops; {unreached}") if unreached else Told(f"{name} stops")

        text = f"stop {safe(name)}? its trials leave checkpoints, g goes on with them   y yes   Esc no"
        self._page.notice.ask(text, {"y": lambda: in_thread(self._page, "stop", stop)})

    def _export(self) -> None:
        services, name = self._page.host.services, self._name
        self._page.notice.say("drawing ...", "accent", seconds=60)

        def draw() -> Message:
            folder = services.sweeps.export(name)
            return Told(f"pictures in {safe(str(folder))}", services.exporting.copy_line(folder))

        in_thread(self._page, "export", draw)

    def _copy(self) -> None:
        found = self._state.found
        if found is not None:
            self._page.host.copy_to_clipboard(shlex.join(found.plan.command))
            self._page.notice.say("the command of the sweep is copied, if your terminal allows it")
