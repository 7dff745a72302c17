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
        changed = []
        for y, (old, new) in enumerate(zip(before, self._rows, strict=True)):
            if old != new and y < height:
                first, last = difference(old, new, width)
                changed.append(Region(first, y, last - first, 1))
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


def difference(old: Row, new: Row, width: int) -> tuple[int, int]:
    """The first cell in which two rows differ and the one after the last; the whole width where letters are wide."""
    before, after = _cells(old, width), _cells(new, width)
    if before is None or after is None:
        return 0, width
    first = next((x for x in range(width) if before[x] != after[x]), 0)
    last = next((x for x in reversed(range(width)) if before[x] != after[x]), width - 1)
    return first, last + 1


def _cells(row: Row, width: int) -> list[tuple[str, str]] | None:
    """Letter and style of each cell; None when letters and cells are not the same."""
    cells = [(letter, style) for text, style in fit(row, width) for letter in text]
    return cells if len(cells) == width else None
