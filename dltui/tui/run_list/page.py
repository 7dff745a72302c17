"""The home screen: all runs, and what there is to know about the selected one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.text import safe
from dltui.tui.base.page import bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Watcher
from dltui.tui.draw.styled_text import Row, cut, ends, fit, rule
from dltui.tui.draw.wording import RESUMABLE
from dltui.tui.run_list import table
from dltui.tui.run_list.label_keys import LabelActions

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.machine.devices import Device
    from dltui.tui.base.summary import RunList, Summary

SECONDS = 0.5
DEVICE_SECONDS = 2.0
DETAIL = 6


class RunsRead(Message):
    """All runs as they are."""

    def __init__(self, runs: list[Summary]) -> None:
        super().__init__()
        self.runs = runs


class DevicesRead(Message):
    """The devices of this machine."""

    def __init__(self, devices: list[Device]) -> None:
        super().__init__()
        self.devices = devices


class RunsPage(LabelActions):
    """The list of runs."""

    name_of_page = "Runs"
    BINDINGS: ClassVar[list[BindingType]] = [
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
    RunsPage #detail {{ height: {DETAIL}; }}
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Summary] = []
        self.lines: list[Summary] = []
        self.opened: set[str] = set()
        self.read = False
        self.selected: str | None = None
        self.first = 0
        self.devices: list[Device] | None = None
        self._watchers: list[Watcher] = []
        self._last: list[Summary] | None = None
        self._last_devices: list[Device] | None = None

    def body(self) -> Iterable[Widget]:
        yield Rows(self._device_line, id="devices")
        yield Rows(lambda width, height: [table.header(width), rule(width)], id="columns")
        yield Rows(self._table, id="table")
        yield Rows(self._detail, id="detail")

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first frame: reading may take its time."""
        from dltui.tui.base.summary import RunList

        reader = RunList(self.dltui.services.runs, self.dltui.services.clock)
        self._watchers = [
            Watcher(self, lambda: self._look(reader), SECONDS),
            Watcher(self, self._look_at_devices, DEVICE_SECONDS),
        ]
        for watcher in self._watchers:
            if not self.on_top:
                watcher.rest()
            watcher.start()

    def on_unmount(self) -> None:
        for watcher in self._watchers:
            watcher.stop()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.reread()

    def on_screen_suspend(self) -> None:
        """Another page covers it."""
        for watcher in self._watchers:
            watcher.rest()

    def _look(self, reader: RunList) -> Message | None:
        if not self.on_top:
            return None
        runs = reader.read()
        if runs == self._last:
            return None
        self._last = runs
        return RunsRead(runs)

    def _look_at_devices(self) -> Message | None:
        if not self.on_top:
            return None
        devices = self.dltui.services.devices()
        if devices == self._last_devices:
            return None
        self._last_devices = devices
        return DevicesRead(devices)

    def on_runs_read(self, message: RunsRead) -> None:
        self.runs, self.read = message.runs, True
        self.dltui.notices.seen(self.runs)
        self._fold()
        if self.selected is None and self.lines:
            self.selected = self.lines[0].id
        for run in self.runs:
            self.orders.acknowledge(run.obeyed)
            if not run.is_live:
                self.orders.forget(run.name)
        self.redraw()

    def _fold(self) -> None:
        from dltui.tui.run_list.lines import lines

        self.lines = lines(self.runs, self.choice, self.opened)

    def relist(self) -> None:
        self._fold()
        self.redraw()

    def reread(self) -> None:
        for watcher in self._watchers:
            watcher.nudge()

    def on_devices_read(self, message: DevicesRead) -> None:
        self.devices = message.devices
        self.redraw()

    def tick(self) -> None:
        super().tick()
        self.redraw("#table", "#detail")

    def head(self, width: int) -> Row:
        text = table.headline(self.runs) if self.runs else ""
        if self._choice is not None and self._choice.text:
            text += f", {len(self.lines)} shown: {cut(safe(self._choice.text), 30)}"
        return ends([(" dltui", "accent bold"), ("  Runs", "bold"), (f"   {text}", "dim")], self.clock_text(), width)

    def status_line(self) -> str:
        return table.headline(self.runs)

    def idle(self) -> Row:
        hint: Row = [(" q leaves, runs go on", "faint")] if any(run.is_live for run in self.runs) else []
        return super().idle() or hint

    @property
    def index(self) -> int:
        """Where the selected line is in the list, or that of its group; the first one when it is gone."""
        places = [number for number, run in enumerate(self.lines) if run.id == self.selected]
        places += [n for n, line in enumerate(self.lines) if any(run.id == self.selected for run in line.members)]
        return places[0] if places else 0

    @property
    def line(self) -> Summary | None:
        """The selected run, or group of runs."""
        return self.lines[self.index] if self.lines else None

    @property
    def run(self) -> Summary | None:
        """The selected run; None on a group, which takes no orders."""
        return None if self.line is None or self.line.members else self.line

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        """Those that mean something for the marked runs, or for the selected one."""
        marked = len(self.targets) if self._choice is not None and self._choice.marked else 0
        if marked:
            return (
                ("c", f"compare {marked}"),
                ("e", "export"),
                ("#", "tag"),
                ("d", f"delete {marked}"),
                ("Esc", "none"),
            )
        if self.line is not None and self.line.members:
            return (
                ("Enter", "hide runs" if self.line.id in self.opened else "show runs"),
                ("n", "new"),
                ("q", "leave"),
            )
        if self.run is None:
            return (("n", "new run"), ("q", "leave"))
        first = (("Enter", "open"), ("n", "new"))
        if not self.dltui.services.may_command(self.run.directory):
            return (("Enter", "open"), ("a", "again"), ("y", "copy"), ("q", "leave"))
        if self.run.status == "queued":
            return (*first, ("s", "take out of the queue"), ("a", "again"))
        if self.run.is_live:
            return (
                *first,
                ("p", "continue" if self.run.status == "paused" else "pause"),
                ("s", "stop"),
                ("w", "checkpoint"),
            )
        resume = (("r", "resume" if self.run.status in RESUMABLE else "more epochs"),)
        return (*first, *resume, ("a", "again"), ("e", "export"))

    def _device_line(self, width: int, height: int) -> list[Row]:
        if self.devices is None:
            return [fit([], width)]
        from dltui.tui.run_list.devices_line import line

        return [fit(line(self.devices, width), width)]

    def _table(self, width: int, height: int) -> list[Row]:
        if not self.runs:
            return table.empty(width, height, look_first=not self.read)
        if not self.lines:
            return table.none_match(width, height, self._unknown())
        self.first = min(max(self.first, self.index - height + 1), self.index)
        services = self.dltui.services
        look, now = self.dltui.look, services.clock()
        marked = self.choice.marked
        return table.table(self.lines, self.index, self.first, width, height, now, services.host(), look.ascii, marked)

    def _unknown(self) -> str:
        from dltui.core.analysis.run_filter import unknown

        return unknown(self.choice.terms, [run.facts for run in self.runs])

    def _detail(self, width: int, height: int) -> list[Row]:
        run, services = self.line, self.dltui.services
        if run is None:
            return []
        return table.detail(run, width, height, services.clock(), services.time_of_day, self.dltui.look.ascii)

    def action_move(self, by: int) -> None:
        if self.lines:
            self.selected = self.lines[min(max(self.index + by, 0), len(self.lines) - 1)].id
            self.redraw()

    def action_open(self) -> None:
        if self.line is not None and self.line.members:
            self.opened ^= {self.line.id}
            self._fold()
            self.redraw()
        elif self.run is not None:
            self.dltui.open_run(self.run.directory)

    def action_new(self) -> None:
        self.dltui.open_form()
