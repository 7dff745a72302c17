"""The Compare page: the curves of several runs in their usual colors, their differences, and the best run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.rundir import place
from dltui.core.text import safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, Told, Watcher, in_thread
from dltui.tui.draw import colors
from dltui.tui.draw.printed import told
from dltui.tui.draw.styled_text import Row, fit

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.analysis.comparison import Comparison
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.hosts.elsewhere import Followed
    from dltui.tui.draw.colors import RunColor

SECONDS = 1.0
# Of the screen; the curves get what the table leaves, this at least.
CURVES = 0.45
# The bars, the verdict, the divider and the notice.
OTHER_ROWS = 5


class Compared(Message):
    """A message with the current comparison."""

    def __init__(self, found: Comparison) -> None:
        super().__init__()
        self.found = found


class ComparePage(Page):
    """A page that compares two to twelve runs of one task, also during training."""

    name_of_page = "Compare"
    low = 18
    """Then there is the table or, after Tab, the curves."""
    keys: tuple[tuple[str, str], ...] = (
        ("Up Down", "scroll"),
        ("Tab", "metric"),
        ("e", "export"),
        ("Esc", "back"),
        ("q", "leave"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down,j", "scroll(1)", "down", "one line down in the table"),
        bind("up,k", "scroll(-1)", "up", "one line up in the table"),
        bind("pagedown", "scroll(10)", "ten lines down"),
        bind("pageup", "scroll(-10)", "ten lines up"),
        bind("home", "scroll(-100000)", "first line"),
        bind("end", "scroll(100000)", "last line"),
        bind("tab", "turn", "next metric", "the curves of the next metric"),
        bind("s", "samples", "samples", "two runs: which test samples only one has right"),
        bind("e", "export", "export", "write comparison.svg and its tables, and show the command that copies them"),
        bind("y", "copy", "copy", "copy the command that copies them"),
        bind("escape", "back", "back", "back to the list of runs"),
    ]
    DEFAULT_CSS = """
    ComparePage #verdict { height: 1; }
    ComparePage #curves { height: 1fr; }
    ComparePage #divider { height: 1; }
    ComparePage #table { height: 50%; }
    ComparePage.low #curves { display: none; }
    ComparePage.low.curves #curves { display: block; }
    ComparePage.low.curves #divider, ComparePage.low.curves #table { display: none; }
    """

    def __init__(self, runs: Sequence[RunDirectory]) -> None:
        super().__init__()
        self.runs = runs
        if len(runs) == 2:
            self.keys = (*self.keys[:2], ("s", "samples"), *self.keys[2:])
        self.found: Comparison | None = None
        self.problem = ""
        """Why there is nothing to show."""
        self.metric = 0
        self.first = 0
        self._lines = self._room = 0
        """The lines of the table, and how many of them are shown."""
        self._readers: list[RunReader] = []
        self._watcher: Watcher | None = None
        self._followed: list[Followed] = []
        self._drawing = False
        self._copy = ""

    @property
    def run_colors(self) -> list[RunColor]:
        """The colors and marks of the runs, by the ids that determine them."""
        known = colors.run_colors(run.id for run in self.runs)
        found = [known[run.id] for run in self.runs]
        return found if self.host.look.ascii else [one._replace(mark=one.sign) for one in found]

    def body(self) -> Iterable[Widget]:
        yield Rows(self._verdict, id="verdict")
        yield Rows(self._curves, id="curves")
        yield Rows(self._divider, id="divider")
        yield Rows(self._table, id="table")

    def on_mount(self) -> None:
        self._followed = [self.host.services.elsewhere.follow(run) for run in self.runs]
        self._watcher = Watcher(self, self._look, SECONDS)
        self.call_after_refresh(self._watcher.start)

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        for followed in self._followed:
            followed.stop()

    def _look(self) -> Message | None:
        """Read the runs in a thread, and compare them when something has changed."""
        from dltui.core.analysis.comparison import compare
        from dltui.core.reading.reader import RunReader

        if not self.on_top:
            return None
        if not self._readers:
            for followed in self._followed:
                followed.ready()
            self._readers = [RunReader(run) for run in self.runs]
        changes = [reader.refresh() for reader in self._readers]
        if not any(changes) and self.found is not None:
            return None
        return Compared(compare(self._readers))

    def on_compared(self, message: Compared) -> None:
        self.found = message.found
        self._share_rows()
        self.redraw()

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        self._share_rows()

    def _share_rows(self) -> None:
        """Give the table as many rows as it has lines, if enough are left for the curves."""
        if self.found is None:
            return
        from dltui.tui.pages.compare_rows import table

        width, height = self.size
        most = height - OTHER_ROWS - (0 if height < self.low else int(height * CURVES))
        self._lines = len(table(self.found, self.run_colors, width))
        self._room = max(min(self._lines, most), 1)
        self.query_one("#table").styles.height = self._room

    def on_failed(self, message: Failed) -> None:
        if self.found is not None:
            self.notice.say(message.reason, "bad", seconds=60)
            return
        if self._watcher is not None:
            self._watcher.stop()
        self.problem, self.keys = safe(message.reason), self.keys[-2:]
        self.redraw()

    def head(self, width: int) -> Row:
        title: Row = [(" dltui", "accent bold"), ("  Compare", "bold"), (f"   {len(self.runs)} runs", "dim")]
        return self.top_bar(title, width)

    def status_line(self) -> str:
        return f"{len(self.runs)} runs compared"

    def _verdict(self, width: int, height: int) -> list[Row]:
        if self.found is None:
            return [fit([("" if self.problem else " reading the runs ...", "dim")], width)]
        from dltui.tui.pages.compare_rows import verdict

        return [fit(verdict(self.found, width), width)]

    def _curves(self, width: int, height: int) -> list[Row]:
        if self.found is None:
            return self._told(width)
        from dltui.tui.pages.compare_rows import charts, metrics

        names = metrics(self.found)
        return charts(self.found, self.run_colors, names[self.metric % len(names)], width, height, self.host.look)

    def _told(self, width: int) -> list[Row]:
        """Why there is nothing to show."""
        return [fit(row, width) for row in told(self.problem, "bad", width)] if self.problem else []

    def _divider(self, width: int, height: int) -> list[Row]:
        if self.found is None:
            return []
        from dltui.tui.pages.compare_rows import divider

        return divider(self.found, width, self._hidden())

    def _hidden(self) -> tuple[int, int]:
        """The numbers of lines of the table above and below the visible part."""
        more = self._lines - self._room
        above = min(self.first, more)
        return above, more - above

    def _table(self, width: int, height: int) -> list[Row]:
        if self.found is None:
            # On a low screen the table is all that there is.
            return self._told(width) if self.has_class("low") else []
        from dltui.tui.pages.compare_rows import table

        rows = table(self.found, self.run_colors, width)
        self.first = min(self.first, max(len(rows) - height, 0))
        return rows[self.first : self.first + height]

    def action_scroll(self, by: int) -> None:
        self.first = max(self.first + by, 0)
        self.redraw("#table", "#divider")

    def action_turn(self) -> None:
        if self.found is None:
            return
        if not self.has_class("low"):
            self.metric += 1
        else:
            from dltui.tui.pages.compare_rows import metrics

            # The table comes before the first metric.
            shown = self.has_class("curves")
            self.metric = (self.metric + 1 if shown else 0) % len(metrics(self.found))
            self.set_class(not shown or self.metric > 0, "curves")
        self.redraw("#curves", "#table", "#divider")

    def action_samples(self) -> None:
        if len(self.runs) != 2:
            self.notice.say("two runs can be compared sample by sample: mark two", "warn")
            return
        self.host.open_pair(self.runs)

    def action_export(self) -> None:
        """Draw the comparison beside the figures of the first run."""
        if self.found is None or self._drawing:
            return
        self._drawing = True
        self.notice.say("drawing the comparison ...", "accent", seconds=60)
        in_thread(self, "export", self._export)

    def _export(self) -> Message:
        services = self.host.services
        try:
            folder = place.exports_folder(self.runs[0]).parent / "comparison"
            services.exporting.comparison(self.runs, folder)
            return Told(services.exporting.copy_line(folder), str(folder))
        finally:
            self._drawing = False

    def on_told(self, message: Told) -> None:
        self._copy = message.text
        self.host.tell_shell(message.text)
        self.notice.say(f"{message.copy}/comparison.svg is drawn; y copies the scp command", "good", seconds=30)

    def action_copy(self) -> None:
        if self._copy:
            self.host.copy_to_clipboard(self._copy)
            self.notice.say(f"copied, if your terminal allows it: {self._copy}")

    def action_back(self) -> None:
        self.host.back()
