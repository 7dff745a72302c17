"""The base of all widgets here: rows from a pure function, of which only those that changed are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dltui.tui.ink import Row, fit, to_ascii

if TYPE_CHECKING:
    from textual.events import Resize

    from dltui.tui.app import DltuiApp

Draw = Callable[[int, int], list[Row]]


class Rows(Widget):
    """Shows what `draw(width, height)` returns; `redraw` asks it again."""

    DEFAULT_CSS = "Rows { height: 1fr; }"

    def __init__(self, draw: Draw, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._draw = draw
        self._rows: list[Row] = []

    @property
    def dltui(self) -> DltuiApp:
        """The app, with what is ours in it."""
        from dltui.tui.app import DltuiApp

        assert isinstance(self.app, DltuiApp)
        return self.app

    def redraw(self) -> None:
        """Draw again, and send the rows that differ."""
        width, height = self.size
        if not width or not height or not self.is_attached:
            return
        before, self._rows = self._rows, self._draw(width, height)
        if len(before) != len(self._rows):
            self.refresh()
            return
        changed = [
            Region(0, y, width, 1)
            for y, (old, new) in enumerate(zip(before, self._rows, strict=True))
            if old != new and y < height
        ]
        if changed:
            self.refresh(*changed)

    def on_resize(self, event: Resize) -> None:
        self._rows = []
        self.redraw()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, base)
        style = self.dltui.palette.style
        row = fit(self._rows[y], width)
        if self.dltui.look.ascii:
            row = fit([(to_ascii(text), words) for text, words in row], width)
        return Strip([Segment(text, base + style(words)) for text, words in row], width)
