"""The key that silences one run, or lets the terminal be told of it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.tui.page import Page, bind

if TYPE_CHECKING:
    from dltui.tui.summary import Summary


class RunBell(Page):
    """A page about one run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("b", "bell", "bell", "silence this run, or let the terminal be told again when it ends"),
    ]

    @property
    def run(self) -> Summary | None:
        """The run that the key means."""
        raise NotImplementedError

    def action_bell(self) -> None:
        if self.run is None:
            return
        if self.dltui.settings.notices == "off":
            self.notice.say("notices are off for all runs; S opens the settings", "warn")
        elif self.dltui.notices.toggle(self.run.id):
            self.notice.say(f"the terminal is told when {self.run.name} ends; b silences it", "good")
        else:
            self.notice.say(f"{self.run.name} ends in silence; b lets it be heard again", "good")
