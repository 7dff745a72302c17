"""The base of all screens: a bar at the top, a row for notices, a bar with keys, and a card for small terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.events import Paste
from textual.screen import Screen

from dltui.core.text import width as cells_of
from dltui.tui.base.effects import mouse
from dltui.tui.base.frames.compositor import Compositor
from dltui.tui.base.host import host
from dltui.tui.base.notice import Notice
from dltui.tui.base.rows import Rows
from dltui.tui.draw.styled_text import Row, cells, ends, fit

if TYPE_CHECKING:
    from textual.events import Click, MouseEvent, MouseScrollDown, MouseScrollUp, Resize
    from textual.widget import Widget

    from dltui.tui.base.host import Host
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.terminal.typed import Typed

LEAST = (40, 10)
USUAL = 80
"""The columns that bars are made for; with fewer they leave out what matters least."""
KEY_ROWS = ("foot", "notice", "progress")
"""The parts with keys that can be clicked."""


class Page(Screen[None], inherit_bindings=False):
    """A screen. `keys` are those of the bottom bar, six at most; `name_of_page` heads the list of all keys."""

    name_of_page = ""
    keys: tuple[tuple[str, str], ...] = ()
    least: ClassVar[tuple[int, int]] = LEAST
    """The smallest terminal that it can be shown on."""
    listing: ClassVar[str] = ""
    """The word for the runs that it lists: the page of one of them leads back to it. "" where it lists none."""
    low: ClassVar[int] = 0
    """The rows of a screen below which it has the class `low`: it shows what matters most."""
    DEFAULT_CSS = """
    Page { background: $background; color: $foreground; layout: vertical; overflow: hidden; }
    Page > .bar { height: 1; background: $panel; }
    Page > #card { display: none; height: 100%; }
    Page.small > * { display: none; }
    Page.small > #card { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._compositor = Compositor()
        self._parts: list[Rows] = []
        self.answers: Mapping[str, Answer] = {}
        """The actions of this page's objects, by the keys that are bound with `press`."""

    @property
    def host(self) -> Host:
        return host(self.app)

    @property
    def picture_folder(self) -> Path:
        """The folder for pictures of this page. Raises UsageError where the working directory is gone."""
        from dltui.core import paths

        return Path(paths.absolute("exports"))

    @property
    def on_top(self) -> bool:
        """True if this page is visible. Changes below another page would make Textual draw both completely."""
        return self.is_attached and bool(self.app.screen_stack) and self.app.screen_stack[-1] is self

    @property
    def unseen(self) -> bool:
        """True if the terminal is too small for it: there is only a card, and keys other than q do nothing."""
        return self.has_class("small")

    @property
    def notice(self) -> Notice:
        return self.query_one(Notice)

    def compose(self) -> Iterable[Widget]:
        yield Rows(lambda width, height: [fit(self.head(width), width)], id="head", classes="bar")
        yield from self.body()
        yield Notice(self.idle)
        yield from self.after_notice()
        yield Rows(self._foot, id="foot", classes="bar")
        yield Rows(self._card, id="card")

    def body(self) -> Iterable[Widget]:
        """The widgets between the top bar and the notice."""
        return ()

    def after_notice(self) -> Iterable[Widget]:
        """Widgets between the notice and the bottom bar."""
        return ()

    def head(self, width: int) -> Row:
        """The top bar."""
        return []

    def idle(self) -> Row:
        """The content of the notice row when there is no message."""
        return []

    def status_line(self) -> str:
        """The text that is still shown on a terminal that is too small."""
        return ""

    def select(self, run: str) -> None:
        """Move the cursor to the run of this id, on a page that lists runs."""

    def tick(self) -> None:
        """Called at a fixed pace while this page is on top: clocks go on."""
        self.redraw("#head", "#notice")

    def redraw(self, *parts: str) -> None:
        """Draw these parts again, by default all; before the page is mounted there are none."""
        if not self.on_top:
            return
        for widget in self._parts or self._find_parts():
            if not parts or f"#{widget.id}" in parts:
                widget.redraw()

    def _find_parts(self) -> list[Rows]:
        """Find the parts once: they never change, and a query costs as much as drawing a row."""
        if self.is_mounted:
            self._parts = list(self.query(Rows))
            return self._parts
        return list(self.query(Rows))

    def on_typed(self, event: Typed) -> None:
        """Take letters that came at once as a paste: where nothing is being typed they are no commands. A slash before
        them opens the filter, as it does alone."""
        text = event.text
        slash = self.answers.get("slash")
        if text.startswith("/") and slash is not None and not self.notice.asking:
            slash()
            text = text[1:]
        if self.notice.asking:
            self.notice.on_paste(Paste(text))
        else:
            self.pasted(text)

    def on_paste(self, event: Paste) -> None:
        # An open question or prompt has taken it before it comes here.
        if not self.notice.asking:
            self.pasted(event.text)

    def pasted(self, text: str) -> None:
        """Take what was pasted; on a page where nothing can be typed it has no meaning."""
        self.notice.say("what was pasted is no command: nothing was done with it", "warn")

    def on_click(self, event: Click) -> None:
        """Do what the key does that is shown at this place."""
        event.stop()
        if event.button != 1 or self.notice.asking or self.unseen or not isinstance(event.widget, Rows):
            return
        row = event.widget.row_at(event.y)
        if event.widget.id in KEY_ROWS:
            key = mouse.key_at(row, event.x)
            if key:
                self.app.simulate_key(key)
        else:
            self.clicked(event.widget.id or "", row, event)

    def clicked(self, part: str, row: Row, event: Click) -> None:
        """Handle a click on a part of the page, on this row of it."""

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        if not self.unseen:
            self.wheel(-1, event)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        if not self.unseen:
            self.wheel(1, event)

    def wheel(self, by: int, event: MouseEvent) -> None:
        """Handle a turn of the wheel: as Up and Down do."""
        if not self.notice.asking:
            self.app.simulate_key("down" if by > 0 else "up")

    def on_screen_resume(self) -> None:
        self.redraw()

    def on_screen_suspend(self) -> None:
        """Clear the message, which is old when this page is shown again."""
        self.notice.clear_message()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < self.least[0] or event.size.height < self.least[1], "small")
        self.set_class(event.size.height < self.low, "low")

    def action_press(self, key: str) -> None:
        """Pass a key on to its handler; a key without a handler is ignored."""
        answer = self.answers.get(key)
        if answer is not None:
            answer()

    def top_bar(self, title: Row, width: int) -> Row:
        """A title with the place and the time at its end; on a narrow screen without a place that does not fit."""
        services = self.host.services
        time: Row = [(f"  {services.clock.time_of_day(services.clock.now())} ", "dim")]
        place: Row = [(services.viewer.where(), "dim"), *time]
        return ends(title, place if width >= USUAL or cells(title + place) < width else time, width)

    def _foot(self, width: int, height: int) -> list[Row]:
        end: Row = [("?", "key bold"), (" all keys " if width >= USUAL else " keys ", "dim")]
        row: Row = [(" ", "")]
        for key, label in self.keys:
            room = width - cells(row) - cells(end) - cells_of(key) - 1
            # A key without its word says nothing.
            if cells_of(label) + 1 > room:
                break
            row += [(key, "key bold"), (f" {label}   "[:room], "dim")]
        return [ends(row, end, width)]

    def _card(self, width: int, height: int) -> list[Row]:
        lines = [
            f"dltui needs {self.least[0]}x{self.least[1]}, this is {self.size.width}x{self.size.height}",
            self.status_line(),
        ]
        lines.append("q leaves, runs go on")
        shown = lines[:height]
        first = max(0, (height - len(shown)) // 2)
        rows: list[Row] = [[] for _ in range(first)]
        for number, line in enumerate(shown):
            text = line.center(width) if len(line) <= width else line
            rows.append(fit([(text, "bold" if number == 0 else "")], width))
        return rows + [[] for _ in range(height - len(rows))]


def bind(
    key: str, action: str, label: str, explanation: str = "", *, priority: bool = False, shown: str | None = None
) -> Binding:
    """A binding with the texts for the list of keys; `shown` are keys that it lists in place of `key`."""
    return Binding(
        key, action, label, False, shown, tooltip=explanation or label, id=f"{action}:{key}", priority=priority
    )


def press(key: str, label: str, explanation: str = "", *, shown: str | None = None) -> Binding:
    """A binding of a key that is passed on to its handler in `Page.answers`, under the first of its names."""
    return bind(key, f"press('{key.partition(',')[0]}')", label, explanation, shown=shown)
