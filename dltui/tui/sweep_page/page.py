"""The page of a sweep: its trials, the best first, and pictures of what they have found."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.text import safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, Told, Watcher
from dltui.tui.draw.styled_text import Row, cells, cut, fit, rule
from dltui.tui.sweep_page import table
from dltui.tui.sweep_page.keys import SWEEP_KEYS, SweepKeys
from dltui.tui.sweep_page.state import PICTURES, SweepState

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.sweep.view import SweepView

SECONDS = 1.0


class Looked(Message):
    """A message with the sweep as it is now."""

    def __init__(self, found: SweepView) -> None:
        super().__init__()
        self.found = found


class SweepPage(Page):
    """The page of the sweep of this name."""

    name_of_page = "Sweep"
    listing = "sweep"
    low = 20
    """Then there is the table or, after Tab, a picture."""
    keys: tuple[tuple[str, str], ...] = (
        ("Enter", "open"),
        ("Tab", "picture"),
        ("b", "brush"),
        ("p", "promote"),
        ("Esc", "back"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "open", "open", "open the run of the selected trial"),
        bind("down,j", "move(1)", "next trial"),
        bind("up,k", "move(-1)", "previous trial"),
        bind("pagedown", "move(10)", "ten trials down"),
        bind("pageup", "move(-10)", "ten trials up"),
        bind("home", "move(-100000)", "best trial"),
        bind("end", "move(100000)", "last trial"),
        bind("tab", "turn(1)", "next picture", "best so far, parallel coordinates, importance, slices"),
        bind("shift+tab", "turn(-1)", "previous picture"),
        bind("right,l", "axis(1)", "next axis", "of the parallel coordinates and the slices"),
        bind("left,h", "axis(-1)", "previous axis"),
        bind("b", "brush", "brush", "of the chosen axis: the next third, or the next choice; then all of it"),
        bind("x", "clear", "no brush", "take all brushes away"),
        *SWEEP_KEYS,
        bind("escape", "back", "back", "back to the list of runs"),
    ]
    DEFAULT_CSS = """
    SweepPage #about { height: 2; }
    SweepPage #columns { height: 2; }
    SweepPage #table { height: 1fr; }
    SweepPage #divider { height: 1; }
    SweepPage #picture { height: 48%; }
    SweepPage #values { display: none; }
    SweepPage.low #about, SweepPage.low #columns, SweepPage.low #values { height: 1; }
    SweepPage.low #values { display: block; }
    SweepPage.low #divider, SweepPage.low #picture { display: none; }
    SweepPage.low.picture #picture { display: block; height: 1fr; }
    SweepPage.low.picture #table, SweepPage.low.picture #columns { display: none; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_of_sweep = name
        self.state = SweepState()
        self.sweep_keys = SweepKeys(self, self.state, name)
        self.answers = self.sweep_keys.answers
        self._watcher: Watcher | None = None

    @property
    def found(self) -> SweepView | None:
        return self.state.found

    def body(self) -> Iterable[Widget]:
        yield Rows(self._about, id="about")
        yield Rows(lambda width, height: [table.header(self.state, width), rule(width)], id="columns")
        yield Rows(lambda width, height: table.rows(self.state, width, height), id="table")
        yield Rows(self._divider, id="divider")
        yield Rows(self._picture, id="picture")
        yield Rows(self._values, id="values")

    def on_mount(self) -> None:
        self._watcher = Watcher(self, self._look, SECONDS)
        self.call_after_refresh(self._watcher.start)

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    def look_again(self) -> None:
        if self._watcher is not None:
            self._watcher.nudge()

    def _look(self) -> Message | None:
        """Read the run directories in a thread."""
        if not self.on_top:
            return None
        found = self.host.services.sweeps.look(self.name_of_sweep)
        return Looked(found) if found != self.state.found else None

    def on_looked(self, message: Looked) -> None:
        self.state.take(message.found)
        self.redraw()

    def on_failed(self, message: Failed) -> None:
        self.notice.say(message.reason, "bad", seconds=60)

    def on_told(self, message: Told) -> None:
        self.sweep_keys.told(message)
        self.look_again()

    def head(self, width: int) -> Row:
        title: Row = [(" dltui", "accent bold"), ("  Sweep", "bold"), (f"   {safe(self.name_of_sweep)}", "")]
        if self.found is not None:
            title += [("  ", ""), (self.found.status, "good" if self.found.status == "running" else "dim")]
        return self.top_bar(title, width)

    def status_line(self) -> str:
        return f"{safe(self.name_of_sweep)}: {self.found.head() if self.found else 'being read'}"

    def idle(self) -> Row:
        if self.found is not None and self.found.hint:
            return [(f" g goes on with it: {safe(self.found.hint)}", "warn")]
        brushed = self.state.brush_text()
        return [(f" brushed: {safe(brushed)}   x shows all", "accent")] if brushed else []

    def _about(self, width: int, height: int) -> list[Row]:
        """What it does and how far it is, and the command that repeats it."""
        if self.found is None:
            return []
        if height < 2:
            return [table.best_row(self.state, width)]
        plan = self.found.plan
        how = f"{plan.sampler}, {plan.pruner if plan.rungs() else 'none pruned'}, {plan.parallel} at once"
        first: Row = [(f" {self.found.head()}", ""), (f"   {how}, seed {plan.seed}", "dim")]
        return [fit(first, width), fit([(cut(f" {safe(shlex.join(plan.command))}", width), "dim")], width)]

    def _divider(self, width: int, height: int) -> list[Row]:
        row: Row = [("── ", "rule")]
        for number, name in enumerate(PICTURES):
            row += [(name, "accent bold" if number == self.state.picture else "dim"), ("  ", "")]
        return [[*row, ("─" * max(width - cells(row), 0), "rule")]]

    def _picture(self, width: int, height: int) -> list[Row]:
        from dltui.tui.sweep_page import pictures

        return pictures.draw(self.state, width, height, self.host.look)

    def _values(self, width: int, height: int) -> list[Row]:
        return [table.values_row(self.state, width)]

    def select(self, run: str) -> None:
        self.state.select(run)

    def action_open(self) -> None:
        if self.state.trial is not None:
            self.host.open_run(self.state.trial.run)

    def action_move(self, by: int) -> None:
        self.state.move(by)
        self.redraw()

    def action_turn(self, by: int) -> None:
        if self.has_class("low"):
            # The table comes before the first picture, and after the last.
            shown = self.has_class("picture")
            at = (self.state.picture if shown else -1) + by
            self.set_class(0 <= at % (len(PICTURES) + 1) < len(PICTURES), "picture")
            self.state.picture = at % (len(PICTURES) + 1) % len(PICTURES)
        else:
            self.state.turn(by)
        self.redraw()

    def action_axis(self, by: int) -> None:
        self.state.choose_axis(by)
        self.redraw("#picture")

    def action_brush(self) -> None:
        self.state.brush()
        self.redraw()

    def action_clear(self) -> None:
        self.state.clear()
        self.redraw()

    def action_back(self) -> None:
        self.host.back()
