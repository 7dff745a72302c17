"""A page about runs: the keys that steer one, the same on the list and on the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.tui.base.page import Page, bind
from dltui.tui.base.threads import Failed, Told
from dltui.tui.draw.styled_text import Row

if TYPE_CHECKING:
    from dltui.tui.base.sent_commands import AtRisk, Orders
    from dltui.tui.base.summary import Summary


class RunActions(Page):
    """Has the commands; a subclass says which run they mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("p", "pause", "pause / continue", "pause between two steps, or go on"),
        bind("s", "stop", "stop and keep", "end the run early: checkpoint, test result, figures"),
        bind("K", "kill", "kill", "end the run at once; says first what is lost since the last checkpoint"),
        bind("w", "checkpoint", "checkpoint", "save a checkpoint now"),
        bind("l", "learning_rate", "learning rate", "a new learning rate; the schedule keeps its shape"),
        bind("r", "resume", "resume", "go on with a run that has ended, or add epochs; says first what is restored"),
        bind("e", "export", "export", "draw the figures and show the command that copies them"),
        bind("a", "again", "again", "the form of a new run, filled as this one was"),
        bind("y", "copy", "copy", "copy the command of this run, or the scp command for its figures"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._copy = ("", "")
        """A run's id and the line that was made for it."""
        self._orders: Orders | None = None

    @property
    def run(self) -> Summary | None:
        """The run that the keys mean."""
        raise NotImplementedError

    def learning_rate(self) -> float | None:
        """The one in force, if it is known."""
        return None

    @property
    def orders(self) -> Orders:
        """What was asked of runs here; made when there is something to ask."""
        if self._orders is None:
            from dltui.tui.base.sent_commands import Orders

            self._orders = Orders(self)
        return self._orders

    def idle(self) -> Row:
        return self._orders.row(self.dltui.services.clock()) if self._orders is not None else []

    def on_told(self, message: Told) -> None:
        self._copy = (self.run.id if self.run is not None else "", message.copy)
        # What is cut on a narrow screen is still whole in the clipboard and after leaving.
        room = self.size.width - 16
        text = message.text if len(message.text) <= room or not message.copy else message.text[:room] + "…"
        self.notice.say(text + (" (y copies it)" if message.copy else ""), "good", seconds=30)
        if message.copy and message.copy not in self.dltui.farewell:
            self.dltui.farewell.append(message.copy)

    def on_failed(self, message: Failed) -> None:
        self.notice.say(message.reason, "bad")

    def action_pause(self) -> None:
        if self.run is not None:
            self.orders.pause(self.run)

    def action_stop(self) -> None:
        if self.run is not None:
            self.orders.stop(self.run)

    def action_kill(self) -> None:
        if self.run is not None:
            self.orders.kill(self.run)

    def on_at_risk(self, message: AtRisk) -> None:
        self.orders.ask_to_kill(message.run, message.cost)

    def action_checkpoint(self) -> None:
        if self.run is not None:
            self.orders.checkpoint(self.run)

    def action_learning_rate(self) -> None:
        if self.run is not None:
            self.orders.learning_rate(self.run, self.learning_rate())

    def action_resume(self) -> None:
        if self.run is not None:
            self.orders.resume(self.run)

    def action_export(self) -> None:
        if self.run is not None:
            self.orders.export([self.run])

    def action_again(self) -> None:
        if self.run is not None:
            self.dltui.open_form(self.run.directory)

    def action_copy(self) -> None:
        of, line = self._copy
        mine = line if self.run is None or of in ("", self.run.id) else ""
        text = mine or (self.run.command if self.run is not None else "")
        if text:
            self.dltui.copy_to_clipboard(text)
            self.notice.say(f"copied, if your terminal allows it: {text}")
