"""A short list of the other runs, to lay over the watched run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.errors import UsageError
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, in_thread, post
from dltui.tui.draw.colors import run_colors
from dltui.tui.draw.styled_text import Row, fit, left, on, right
from dltui.tui.draw.wording import STATUS_STYLES

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.tui.base.summary import Summary
    from dltui.tui.run_page.curves.curve_view import CurveView


class RunsRead(Message):
    """A message with the other runs."""

    def __init__(self, runs: tuple[Summary, ...]) -> None:
        super().__init__()
        self.runs = runs


class OverlayPage(Page):
    """The page to choose overlays; runs on the same dataset come first. Every change is passed to `change` at once."""

    name_of_page = "Overlay runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("space,enter,v", "lay_over", "overlay", "overlay the curves of the run, or remove them"),
        bind("t", "ghost", "time to beat", "race against the run: ahead or behind, and a forecast"),
        bind("up,k", "move(-1)", "up"),
        bind("down,j", "move(1)", "down"),
        bind("pageup", "move(-10)", "page up"),
        bind("pagedown", "move(10)", "page down"),
        bind("escape", "back", "back", "to the curves"),
    ]

    def __init__(self, run: Summary, curve_view: CurveView, change: Callable[[CurveView], None]) -> None:
        super().__init__()
        self.run, self.curve_view = run, curve_view
        self.runs: tuple[Summary, ...] | None = None
        self._change = change
        self._at = 0

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        """The keys; those that act on a run only where there is a run."""
        back = (("Esc", "curves"),)
        return (("Space", "overlay / remove"), ("t", "time to beat"), *back) if self.runs else back

    def body(self) -> Iterable[Widget]:
        yield Rows(self._list, id="list")

    def on_mount(self) -> None:
        in_thread(self, "runs", self._read)

    def _read(self) -> Message:
        from dltui.tui.base.all_runs import RunList, in_order

        services = self.host.services
        runs = RunList(services.runs.folder(), services.clock.now)
        try:
            runs.read()
        except UsageError as error:
            # The runs of other hosts are shown all the same.
            post(self, Failed("runs", str(error)))
        found = [
            run
            for run in in_order([*runs.known, *services.elsewhere.runs()])
            if run.epochs_done and run.directory.id != self.run.directory.id
        ]
        # The sort is stable: the order of the list of runs stays.
        found.sort(key=lambda run: (run.dataset != self.run.dataset, run.model != self.run.model))
        return RunsRead(tuple(found))

    def on_runs_read(self, message: RunsRead) -> None:
        self.runs = message.runs
        self.redraw()

    def on_failed(self, message: Failed) -> None:
        self.notice.say(message.reason, "bad")

    def head(self, width: int) -> Row:
        return self.top_bar([(" dltui", "accent bold"), (f"  runs to overlay {self.run.name}", "")], width)

    def status_line(self) -> str:
        return f"{self.run.name}: {self.run.status}"

    def idle(self) -> Row:
        laid = len(self.curve_view.others)
        return [(f" {laid} overlaid; each keeps its color and its mark" if laid else "", "dim")]

    def _list(self, width: int, height: int) -> list[Row]:
        if self.runs is None:
            return [[(" reading the runs ...", "dim")]]
        if not self.runs:
            return [
                [],
                [(" No other run has finished an epoch yet.", "bold")],
                [(" Esc goes back to the curves; n in the list of runs starts a run.", "dim")],
            ]
        first = max(min(self._at - height // 2, len(self.runs) - height + 1), 0)
        colors = run_colors(self.curve_view.others)
        head = f"      {left('NAME', 16)}{left('MODEL', 12)}{left('DATA', 14)}{right('EPOCHS', 6)}  {left('BEST', 10)}"
        rows: list[Row] = [fit([(f"{head}STATE", "dim")], width)]
        for number, run in enumerate(self.runs[first : first + height - 1], start=first):
            row = self._row(run, colors.get(run.directory.id), number == self._at)
            rows.append(on(fit(row, width), "selected") if number == self._at else fit(row, width))
        return rows

    def _row(self, run: Summary, run_color: tuple[str, str] | None, marked: bool) -> Row:
        style, mark = run_color or ("dim", " ")
        sign: Row = [(f"━{mark}━ " if run_color else "    ", f"{style} bold")]
        if run.directory.id == self.curve_view.ghost:
            sign = [(f"╸{mark}╸ ", "dim bold")]
        name = left(run.name, 15) + " "
        state = "time to beat" if run.directory.id == self.curve_view.ghost else run.status
        return [
            ("› " if marked else "  ", "accent bold"),
            *sign,
            (name, "bold" if run_color else ""),
            (left(run.model, 11) + " ", ""),
            (left(run.dataset, 13) + " ", "" if run.dataset == self.run.dataset else "dim"),
            (right(f"{run.epochs_done}/{run.epochs}", 6) + "  ", "dim"),
            (left(run.best, 10), ""),
            (state, "bold" if state == "time to beat" else STATUS_STYLES.get(run.status, "")),
        ]

    def _selected(self) -> Summary | None:
        return self.runs[self._at] if self.runs else None

    def _look(self, curve_view: CurveView) -> None:
        self.curve_view = curve_view
        self._change(curve_view)
        self.redraw()

    def action_lay_over(self) -> None:
        run = self._selected()
        if run is not None:
            self._look(self.curve_view.toggled(run.directory.id))

    def action_ghost(self) -> None:
        run = self._selected()
        if run is not None:
            self._look(self.curve_view.with_ghost(run.directory.id))

    def action_move(self, by: int) -> None:
        if self.runs:
            self._at = min(max(self._at + by, 0), len(self.runs) - 1)
            self.redraw()

    def action_back(self) -> None:
        self.host.back()
