"""The page Samples: two runs sample by sample, with the pictures of the samples that one of them alone has right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.text import safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, in_thread
from dltui.tui.draw.printed import told
from dltui.tui.draw.styled_text import Row, fit

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.analysis.paired import Pair
    from dltui.core.rundir.directory import RunDirectory


class Paired(Message):
    """A message with the two runs sample by sample."""

    def __init__(self, found: Pair) -> None:
        super().__init__()
        self.found = found


class PairPage(Page):
    """A page about two runs of the same test split."""

    name_of_page = "Samples"
    keys: tuple[tuple[str, str], ...] = (
        ("Up Down", "choose"),
        ("Tab", "other run"),
        ("Esc", "back"),
        ("q", "leave"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down,j", "move(1)", "down", "next sample"),
        bind("up,k", "move(-1)", "up", "previous sample"),
        bind("pagedown", "move(10)", "ten samples down"),
        bind("pageup", "move(-10)", "ten samples up"),
        bind("home", "move(-1000000)", "first sample"),
        bind("end", "move(1000000)", "last sample"),
        bind("tab", "turn", "other run", "the samples that the other run alone has right"),
        bind("escape", "back", "back", "back to the comparison"),
    ]

    def __init__(self, runs: Sequence[RunDirectory]) -> None:
        super().__init__()
        self.runs = runs
        self.found: Pair | None = None
        self.problem = ""
        """Why there is nothing to show."""
        self.side = self.at = 0

    def body(self) -> Iterable[Widget]:
        yield Rows(self._rows, id="pair")

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: in_thread(self, "samples", self._look))

    def _look(self) -> Message:
        """Read both runs in a thread, those of other hosts when their predictions are here."""
        from dltui.core.analysis.paired import pair
        from dltui.core.reading.reader import RunReader

        followed = [self.host.services.elsewhere.follow(run) for run in self.runs]
        try:
            for one in followed:
                one.bring_predictions()
            readers = [RunReader(run) for run in self.runs]
            for reader in readers:
                reader.refresh()
            return Paired(pair(*readers))
        finally:
            for one in followed:
                one.stop()

    def on_paired(self, message: Paired) -> None:
        self.found = message.found
        self.side = int(not self.found.first and bool(self.found.second))
        self.redraw()

    def on_failed(self, message: Failed) -> None:
        self.problem, self.keys = safe(message.reason), self.keys[-2:]
        self.redraw()

    def head(self, width: int) -> Row:
        title: Row = [(" dltui", "accent bold"), ("  Compare", "bold"), ("   two runs, sample by sample", "dim")]
        return self.top_bar(title, width)

    def status_line(self) -> str:
        return "two runs, sample by sample"

    def _rows(self, width: int, height: int) -> list[Row]:
        if self.problem:
            return [fit(row, width) for row in told(self.problem, "bad", width)]
        if self.found is None:
            return [fit([(" reading the predictions ...", "dim")], width)]
        from dltui.tui.pages.paired_rows import rows

        return rows(self.found, self.side, self.at, width, height, self.host.look)

    def action_move(self, by: int) -> None:
        if self.found is not None:
            count = len((self.found.first, self.found.second)[self.side])
            self.at = max(min(self.at + by, count - 1), 0)
            self.redraw("#pair")

    def action_turn(self) -> None:
        self.side, self.at = 1 - self.side, 0
        self.redraw("#pair")

    def action_back(self) -> None:
        self.host.back()
