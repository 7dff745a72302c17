"""The home screen: all runs, and details of the selected run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.core.text import safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.run_keys import RUN_KEYS, RunKeys
from dltui.tui.base.threads import Failed, Told
from dltui.tui.draw.styled_text import Row, cut, fit, rule
from dltui.tui.run_list import footer, table
from dltui.tui.run_list.choose_keys import CHOOSE_KEYS, ChooseKeys
from dltui.tui.run_list.columns import header
from dltui.tui.run_list.label_keys import LABEL_KEYS, LabelKeys
from dltui.tui.run_list.preview_pane import PreviewPane
from dltui.tui.run_list.reading import DevicesRead, Reading, RunsRead
from dltui.tui.run_list.state import RunListState

if TYPE_CHECKING:
    from textual.events import Click, MouseEvent, Resize
    from textual.widget import Widget

    from dltui.tui.base.sent_commands import AtRisk
    from dltui.tui.run_list.preview_reading import Previewed

LEAST_HEADLINE = 60
"""The columns from which on the top bar has the number of runs beside a filter."""
LOWEST = 14
"""The rows of a screen below which it has no titles of columns."""
WHEEL = 3
"""Lines that a turn of the wheel moves."""
WRITE_SECONDS = 0.01
"""The time that the first frame has to reach the terminal."""


class RunsPage(Page):
    """The page with the list of runs. `state` is shared with the objects that handle keys."""

    name_of_page = "Runs"
    listing = "runs"
    low = 20
    BINDINGS: ClassVar[list[BindingType]] = [
        *RUN_KEYS,
        *CHOOSE_KEYS,
        *LABEL_KEYS,
        bind("enter", "open", "open", "open the selected run"),
        bind("n", "new", "new run", "fill in the form of a new run"),
        bind("down,j", "move(1)", "next run"),
        bind("up,k", "move(-1)", "previous run"),
        bind("pagedown", "move(10)", "ten runs down"),
        bind("pageup", "move(-10)", "ten runs up"),
        bind("home", "move(-100000)", "first run"),
        bind("end", "move(100000)", "last run"),
    ]
    DEFAULT_CSS = f"""
    RunsPage #devices {{ height: 1; }}
    RunsPage #columns {{ height: 2; }}
    RunsPage #detail {{ height: {table.WHOLE_DETAIL}; }}
    RunsPage.low #devices {{ display: none; }}
    RunsPage.low #columns {{ height: 1; }}
    RunsPage.low #detail {{ height: 3; }}
    RunsPage.lowest #columns {{ display: none; }}
    RunsPage.lowest #detail {{ height: 2; }}
    RunsPage #preview {{ display: none; }}
    RunsPage.wide #preview {{ display: block; }}
    """

    def __init__(self) -> None:
        super().__init__()
        self.state = RunListState()
        self.run_keys = RunKeys(
            self, lambda: self.state.run, lambda: self.state.targets, self.state.known, refusal=self.state.refusal
        )
        self.choose_keys = ChooseKeys(self, self.state)
        self.label_keys = LabelKeys(self, self.state, self._reread)
        self.answers = {**self.run_keys.answers, **self.choose_keys.answers, **self.label_keys.answers}
        self._reading: Reading | None = None
        self.preview = PreviewPane(self, self.state)
        self._second = 0
        self._list_rows: int | None = None
        """The rows of the list; None for all that there are, or for half of the screen."""

    def body(self) -> Iterable[Widget]:
        yield Rows(self._device_line, id="devices")
        yield Rows(lambda width, height: [header(width, bool(self.state.hosts)), rule(width)], id="columns")
        yield Rows(self._table, id="table")
        yield Rows(self._detail, id="detail")
        yield Rows(self.preview.rows, id="preview")

    def on_mount(self) -> None:
        # The thread that writes to the terminal gets its turn first: to import what reads runs takes long.
        self.call_after_refresh(lambda: self.set_timer(WRITE_SECONDS, self._begin))

    def _begin(self) -> None:
        self._reading = Reading(self)
        self._reading.start()

    def on_unmount(self) -> None:
        if self._reading is not None:
            self._reading.stop()
        self.preview.stop()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.set_class(self.preview.has_room, "wide")
        self.set_class(self.size.height < LOWEST, "lowest")
        self._share_rows()

    def _share_rows(self) -> None:
        """Leave the rows that a short list does not need to the preview."""
        rows = self.preview.list_rows(len(self.state.lines)) if self.preview.has_room else None
        if rows != self._list_rows:
            self._list_rows = rows
            self.query_one("#table").styles.height = "1fr" if rows is None else rows
        self.preview.aim()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._reread()

    def on_screen_suspend(self) -> None:
        """Stop reading while another page covers this page."""
        super().on_screen_suspend()
        if self._reading is not None:
            self._reading.rest()
        self.preview.rest()

    def _reread(self) -> None:
        if self._reading is not None:
            self._reading.nudge()
        self.preview.nudge()

    def on_runs_read(self, message: RunsRead) -> None:
        self.state.take(message.runs)
        self.host.notices.seen(message.runs)
        for run in message.runs:
            self.run_keys.orders.acknowledge(run.obeyed)
        self._share_rows()
        self.redraw()

    def on_previewed(self, message: Previewed) -> None:
        self.preview.previewed(message)
        self.redraw("#preview")

    def on_devices_read(self, message: DevicesRead) -> None:
        self.state.devices, self.state.hosts = message.devices, message.hosts
        if message.hosts:
            self._make_room()
        self.redraw()

    def _make_room(self) -> None:
        """Give the other hosts their rows; a card on a small screen has none."""
        from dltui.tui.run_list import hosts_lines

        rows = 1 + hosts_lines.wanted(self.state.hosts, self.size.height)
        self.query_one("#devices").styles.height = rows

    def on_told(self, message: Told) -> None:
        self.run_keys.told(message)

    def on_failed(self, message: Failed) -> None:
        self.run_keys.failed(message)

    def on_at_risk(self, message: AtRisk) -> None:
        self.run_keys.at_risk(message)

    def tick(self) -> None:
        super().tick()
        # A filter changes their number, too.
        self._share_rows()
        second = int(self.host.services.clock.now())
        # Of runs that have ended only the age changes.
        if self.state.live or second != self._second:
            self._second = second
            self.redraw("#table", "#detail", "#preview")

    def head(self, width: int) -> Row:
        text = table.headline(len(self.state.runs), self.state.live) if self.state.runs else ""
        if self.state.filter:
            shown = f"{len(self.state.lines)} shown: {cut(safe(self.state.filter), 30)}"
            text = f"{text}, {shown}" if width >= LEAST_HEADLINE else shown
        return self.top_bar([(" dltui", "accent bold"), ("  Runs", "bold"), (f"   {text}", "dim")], width)

    def status_line(self) -> str:
        return table.headline(len(self.state.runs), self.state.live)

    def idle(self) -> Row:
        hint: Row = [(" q leaves, runs go on", "faint")] if self.state.live else []
        return self.run_keys.row() or hint

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        return footer.keys(self.state, lambda run: self.host.services.viewer.may_command(run.directory))

    def _device_line(self, width: int, height: int) -> list[Row]:
        if self.state.devices is None:
            return [fit([], width)]
        from dltui.tui.run_list.devices_line import line

        here = [fit(line(self.state.devices, width), width)]
        if not self.state.hosts:
            return here
        from dltui.tui.run_list import hosts_lines

        return here + hosts_lines.rows(self.state.hosts, width, height - 1)

    def _table(self, width: int, height: int) -> list[Row]:
        state = self.state
        if not state.runs:
            return table.empty(width, height, look_first=not state.read)
        if not state.lines:
            return table.none_match(width, height, self._unknown())
        at = state.index
        state.first = min(max(state.first, at - height + 1), at, max(len(state.lines) - height, 0))
        services, ascii_only = self.host.services, self.host.look.ascii
        now, host, hosts = services.clock.now(), services.viewer.host(), bool(state.hosts)
        return table.table(
            state.lines, at, state.first, width, height, now, host, ascii_only, state.marked, hosts, state.inside
        )

    def _unknown(self) -> str:
        from dltui.core.analysis.measures.run_filter import unknown

        return unknown(self.state.choice.terms, [run.facts for run in self.state.runs])

    def _detail(self, width: int, height: int) -> list[Row]:
        line, services = self.state.line, self.host.services
        if line is None:
            return []
        return table.detail(line, width, height, services.clock.now(), services.clock.time_of_day, self.host.look.ascii)

    def clicked(self, part: str, row: Row, event: Click) -> None:
        """Select the line; a second click opens it."""
        at = self.state.first + event.y
        if part != "table" or at >= len(self.state.lines):
            return
        self.state.selected = self.state.lines[at].id
        self.preview.aim()
        self.redraw()
        if event.chain > 1:
            self.action_open()

    def wheel(self, by: int, event: MouseEvent) -> None:
        if not self.notice.asking:
            self.action_move(WHEEL * by)

    def select(self, run: str) -> None:
        self.state.selected = run

    def action_move(self, by: int) -> None:
        if self.state.lines:
            self.state.move(by)
            self.preview.aim()
            self.redraw()

    def action_open(self) -> None:
        line, run = self.state.line, self.state.run
        if run is not None:
            self.host.open_run(run.directory)
        elif line is not None and line.sweep and not line.via:
            self.host.open_sweep(line.sweep)
        elif line is not None:
            self.state.toggle(line.id)
            self._share_rows()
            self.redraw()

    def action_new(self) -> None:
        self.host.open_form()
