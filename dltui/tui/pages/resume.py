"""Asks before a run is resumed: shows why it ended, what is restored, what differs now, and how far it goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.lifecycle.resume import ALIKE
from dltui.core.numbers import is_whole
from dltui.core.text import safe
from dltui.core.text import width as cells_of
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, Told, in_thread
from dltui.tui.draw.printed import pieces, told
from dltui.tui.draw.styled_text import Row, cut, fit

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.lifecycle.resume import Resumption
    from dltui.tui.base.summary import Summary

MOST_EPOCHS = 10_000


class Prepared(Message):
    """A message with the plan of the resumption."""

    def __init__(self, found: Resumption) -> None:
        super().__init__()
        self.found = found


class ResumePage(Page):
    """The page that shows the plan of a resumption and asks for confirmation."""

    name_of_page = "Resume"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "go_on", "go on", "start a worker that goes on from the last checkpoint"),
        bind("m", "more", "more epochs", "train more epochs than planned"),
        bind("escape", "back", "back", "leave the run as it is"),
    ]

    def __init__(self, run: Summary) -> None:
        super().__init__()
        self.run = run
        self.found: Resumption | None = None
        self.problem = ""
        """Why there is no plan."""
        self.more = 0
        self.starting = False
        self._told = ""
        """What the page below is told once this one is left: the worker has started."""

    def body(self) -> Iterable[Widget]:
        yield Rows(self._body, id="resumption")

    def on_mount(self) -> None:
        services, directory = self.host.services, self.run.directory
        self.call_after_refresh(in_thread, self, "resume", lambda: Prepared(services.starting.resumption(directory)))

    def on_prepared(self, message: Prepared) -> None:
        self.found = message.found
        self.redraw()
        if not self._may_go_on:
            self.action_more()

    def on_failed(self, message: Failed) -> None:
        self.starting = False
        if self.found is None:
            self.problem = safe(message.reason)
            self.redraw()
        else:
            self.notice.say(message.reason, "bad", seconds=60)

    def on_told(self, message: Told) -> None:
        self._told = message.text
        self._leave_when_seen()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._leave_when_seen()

    def _leave_when_seen(self) -> None:
        """Leave when the worker has started; a page that was opened over this one meanwhile is left by the user."""
        if not self._told or not self.on_top:
            return
        self.host.back()
        page = self.host.screen_stack[-1]
        if isinstance(page, Page):
            page.notice.say(self._told, "good")

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        if self.problem:
            return (("Esc", "back"),)
        go_on = (("Enter", "go on"),) if self._may_go_on else ()
        more = () if self.run.timed else (("m", "more epochs"),)
        return (*go_on, *more, ("Esc", "leave it as it is"))

    @property
    def _may_go_on(self) -> bool:
        return self.found is not None and (self.run.status != "finished" or self.more > 0)

    def head(self, width: int) -> Row:
        title: Row = [(" dltui", "accent bold"), ("  Resume", "bold"), (f"   {self.run.name}", "")]
        return self.top_bar(title, width)

    def status_line(self) -> str:
        return f"resume {self.run.name}?"

    def idle(self) -> Row:
        if self.problem:
            return [(f" {self.run.name} cannot go on; Esc goes back", "bad")]
        if self.starting:
            return [(" the worker starts ...", "accent")]
        if self.found is None:
            return [(" looking at its checkpoints and at this machine ...", "accent")]
        if not self._may_go_on:
            return [(f" {self.run.name} is finished: m adds epochs", "accent")]
        more = "" if self.run.timed else "m more epochs   "
        asked = f" go on with {self.run.name}?   Enter yes   {more}Esc no"
        return [(asked if cells_of(asked) <= self.size.width else " go on?   Enter yes   Esc no", "bold accent")]

    def _body(self, width: int, height: int) -> list[Row]:
        if self.found is None:
            return [fit(row, width) for row in [[], *told(self.problem, "bad", width)]] if self.problem else []
        found = self.found
        first, *rest = pieces(f"{self.run.name} was {found.ended}", width - 4)
        name: Row = [(f"  {first[: len(self.run.name)]}", "bold"), (first[len(self.run.name) :], "")]
        rows: list[Row] = [[], name, *([(f"  {line}", "")] for line in rest), []]
        rows += _lines(found.restored, width, "good" if found.restored.startswith("restored") else "warn")
        rows.append([])
        for line in found.differs:
            rows += _lines(line, width, "warn")
        if found.unknown:
            rows += _lines(found.unknown, width, "bad")
        if not found.differs and not found.unknown:
            rows += _lines(ALIKE, width, "dim")
        rows += self._plan(found, width)
        if len(rows) > height:
            rows = [row for row in rows if row]
        return [fit(row, width) for row in rows[:height]]

    def _plan(self, found: Resumption, width: int) -> list[Row]:
        """The last epoch of the resumed run and the command for it; before epochs are chosen, a question for their
        number.
        """
        done = f"{found.done} of {found.planned} epochs are done"
        if not self._may_go_on:
            return [[], [(f"  {done}; how many more?", "bold")]]
        added = f", {self.more} more than planned" if self.more else ""
        return [
            [],
            [(f"  goes on to epoch {found.planned + self.more}{added}; {done}", "")],
            [],
            [("  $ ", "faint"), (cut(self.command(), width - 5), "accent")],
        ]

    def command(self) -> str:
        more = f" --more-epochs {self.more}" if self.more else ""
        return f"dltui resume {safe(self.run.id)}{more}"

    def action_more(self) -> None:
        if self.found is None:
            return
        if self.run.timed:
            self.notice.say(
                f"{self.run.name} trains for {safe(self.run.facts['max_time'])}, whatever its epochs", "warn"
            )
            return
        self.notice.prompt("epochs beyond those planned", str(self.more or 5), _problem, self._set)

    def _set(self, text: str) -> None:
        self.more = int(text)
        self.redraw()

    def action_go_on(self) -> None:
        if self.starting or self.found is None:
            return
        if not self._may_go_on:
            self.action_more()
            return
        self.starting = True
        services, run, more = self.host.services, self.run, self.more

        def work() -> Message:
            services.starting.resume(run.directory, more)
            return Told(f"{run.name} goes on: its worker starts")

        lost = f"{safe(run.name)} may not go on yet: see dltui runs, or {self.command()}"
        self.host.carry_out(self, "resume", work, starts=run.name, lost=lost)
        self.redraw()

    def action_back(self) -> None:
        self.host.back()


def _lines(text: str, width: int, style: str) -> list[Row]:
    """A sentence wrapped into lines."""
    return [[("  " + line, style)] for line in pieces(text, width - 4)]


def _problem(text: str) -> str:
    """The problem of a number of epochs, or ""."""
    return "" if is_whole(text, MOST_EPOCHS) else f"a whole number from 1 to {MOST_EPOCHS:,}"
