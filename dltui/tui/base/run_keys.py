"""The keys that steer a run, the same on the list and on the run page; a page owns them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from dltui.tui.base.page import press
from dltui.tui.draw.styled_text import Row

if TYPE_CHECKING:
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.base.sent_commands import AtRisk, Orders
    from dltui.tui.base.summary import Summary
    from dltui.tui.base.threads import Failed, Told

RUN_KEYS = (
    press("p", "pause / continue", "pause between two steps, or go on"),
    press("G", "give back", "pause and give the device back, until asked or until others have used it"),
    press("s", "stop and keep", "end the run early: checkpoint, test result, figures"),
    press("K", "kill", "end the run at once; says first what is lost since the last checkpoint"),
    press("w", "checkpoint", "save a checkpoint now"),
    press("l", "learning rate", "a new learning rate; the schedule keeps its shape"),
    press("r", "resume", "go on with a run that has ended, or add epochs; says first what is restored"),
    press("e", "export", "draw the figures and show the command that copies them"),
    press("a", "again", "the form of a new run, filled as this one was"),
    press("y", "copy", "copy the command of this run, or the scp command for its figures"),
)
"""For the bindings of a page that has `RunKeys`."""


class RunKeys:
    """Answers the keys for a page. `run` gives the run that they mean at that moment, `several` the runs to export, by
    default that run; `known` gives any run of the page by its id, by default that run too; `learning_rate` the current
    learning rate, if it is known; `report` the text to copy for a run that failed; `refusal` what to say to a key where
    no run is selected.
    """

    def __init__(
        self,
        page: Page,
        run: Callable[[], Summary | None],
        several: Callable[[], Sequence[Summary]] | None = None,
        known: Callable[[str], Summary | None] | None = None,
        learning_rate: Callable[[], float | None] = lambda: None,
        report: Callable[[], str] = str,
        refusal: Callable[[str], str] = lambda key: "",
    ) -> None:
        self._page, self._run, self._several, self._report = page, run, several, report
        self._known = known or (lambda of: run())
        self._refusal = refusal
        self.to_copy: tuple[Collection[str], str] = ((), "")
        """The ids of runs and the line that was made for them."""
        self._orders: Orders | None = None
        self.answers: dict[str, Answer] = {
            "p": self._of_run("p", lambda run: self.orders.pause(run)),
            "G": self._of_run("G", lambda run: self.orders.give_back(run)),
            "s": self._of_run("s", lambda run: self.orders.stop(run)),
            "K": self._of_run("K", lambda run: self.orders.kill(run)),
            "w": self._of_run("w", lambda run: self.orders.checkpoint(run)),
            "l": self._of_run("l", lambda run: self.orders.learning_rate(run, learning_rate())),
            "r": self._of_run("r", lambda run: self.orders.resume(run)),
            "e": self._take_home,
            "a": self._of_run("a", lambda run: page.host.open_form(run.directory)),
            "y": self._copy_line,
        }

    @property
    def orders(self) -> Orders:
        """The orders of this page, created when first used."""
        if self._orders is None:
            from dltui.tui.base.sent_commands import Orders

            self._orders = Orders(self._page, self._known)
        return self._orders

    def row(self) -> Row:
        """The command that waits for an answer; empty when none does."""
        return self._orders.row(self._page.host.services.clock.passed()) if self._orders is not None else []

    def told(self, message: Told) -> None:
        """Show that a task is done, and keep the text to copy."""
        page = self._page
        if not message.copy:
            page.notice.say(message.text, "good", seconds=30)
            return
        self.to_copy = (message.runs, message.copy)
        # What is cut on a narrow screen is still whole in the clipboard and after leaving.
        room = page.size.width - 16
        text = message.text if len(message.text) <= room else message.text[:room] + "…"
        page.notice.say(text + (" (y copies it)" if self._line() else ""), "good", seconds=30)
        page.host.tell_shell(message.copy)

    def failed(self, message: Failed) -> None:
        """Show why a task was not done."""
        self._page.notice.say(message.reason, "bad")

    def at_risk(self, message: AtRisk) -> None:
        """Ask whether to kill the run, now that the cost is known."""
        self.orders.ask_to_kill(message.run, message.cost)

    def _of_run(self, key: str, work: Callable[[Summary], None]) -> Answer:
        """A handler that says why it does nothing where no run is selected."""

        def answer() -> None:
            run = self._run()
            if run is not None:
                work(run)
            else:
                self._refuse(key)

        return answer

    def _refuse(self, key: str) -> None:
        text = self._refusal(key)
        if text:
            self._page.notice.say(text, "bad")

    def _meant(self) -> Sequence[Summary]:
        """The runs that a key for several runs means at this moment."""
        run = self._run()
        return self._several() if self._several is not None else [run] if run is not None else []

    def _take_home(self) -> None:
        runs = self._meant()
        if runs:
            self.orders.export(runs)

    def _line(self) -> str:
        """The line that was made for the selected run, or for those that are marked; "" when it is about others."""
        run, (of, line) = self._run(), self.to_copy
        meant = {one.id for one in self._meant()} | ({run.id} if run is not None else set())
        return line if meant & set(of) else ""

    def _copy_line(self) -> None:
        run = self._run()
        text = self._line() or self._report() or (run.command if run is not None else "")
        if text:
            self._page.host.copy_to_clipboard(text)
            self._page.notice.say(f"copied, if your terminal allows it: {text.partition(chr(10))[0]}")
        elif run is None:
            self._refuse("y")
