"""The keys that steer a run, the same on the list and on the run page; a page owns them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    default that run; `learning_rate` the current learning rate, if it is known; `report` the text to copy for a run
    that failed.
    """

    def __init__(
        self,
        page: Page,
        run: Callable[[], Summary | None],
        several: Callable[[], Sequence[Summary]] | None = None,
        learning_rate: Callable[[], float | None] = lambda: None,
        report: Callable[[], str] = str,
    ) -> None:
        self._page, self._run, self._several, self._report = page, run, several, report
        self.to_copy = ("", "")
        """A run's id and the line that was made for it."""
        self._orders: Orders | None = None
        self.answers: dict[str, Answer] = {
            "p": self._of_run(lambda run: self.orders.pause(run)),
            "G": self._of_run(lambda run: self.orders.give_back(run)),
            "s": self._of_run(lambda run: self.orders.stop(run)),
            "K": self._of_run(lambda run: self.orders.kill(run)),
            "w": self._of_run(lambda run: self.orders.checkpoint(run)),
            "l": self._of_run(lambda run: self.orders.learning_rate(run, learning_rate())),
            "r": self._of_run(lambda run: self.orders.resume(run)),
            "e": self._take_home,
            "a": self._of_run(lambda run: page.host.open_form(run.directory)),
            "y": self._copy_line,
        }

    @property
    def orders(self) -> Orders:
        """The orders of this page, created when first used."""
        if self._orders is None:
            from dltui.tui.base.sent_commands import Orders

            self._orders = Orders(self._page)
        return self._orders

    def row(self) -> Row:
        """The command that waits for an answer; empty when none does."""
        return self._orders.row(self._page.host.services.clock.now()) if self._orders is not None else []

    def told(self, message: Told) -> None:
        """Show that a task is done, and keep the text to copy."""
        run, page = self._run(), self._page
        self.to_copy = (run.id if run is not None else "", message.copy)
        # What is cut on a narrow screen is still whole in the clipboard and after leaving.
        room = page.size.width - 16
        text = message.text if len(message.text) <= room or not message.copy else message.text[:room] + "…"
        page.notice.say(text + (" (y copies it)" if message.copy else ""), "good", seconds=30)
        if message.copy and message.copy not in page.host.closing_lines:
            page.host.closing_lines.append(message.copy)

    def failed(self, message: Failed) -> None:
        """Show why a task was not done."""
        self._page.notice.say(message.reason, "bad")

    def at_risk(self, message: AtRisk) -> None:
        """Ask whether to kill the run, now that the cost is known."""
        self.orders.ask_to_kill(message.run, message.cost)

    def _of_run(self, work: Callable[[Summary], None]) -> Answer:
        """A handler that does nothing where no run is selected."""

        def answer() -> None:
            run = self._run()
            if run is not None:
                work(run)

        return answer

    def _take_home(self) -> None:
        run = self._run()
        runs = self._several() if self._several is not None else [run] if run is not None else []
        if runs:
            self.orders.export(runs)

    def _copy_line(self) -> None:
        run = self._run()
        of, line = self.to_copy
        mine = line if run is None or of in ("", run.id) else ""
        text = mine or self._report() or (run.command if run is not None else "")
        if text:
            self._page.host.copy_to_clipboard(text)
            self._page.notice.say(f"copied, if your terminal allows it: {text.partition(chr(10))[0]}")
