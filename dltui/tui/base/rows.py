"""The base of all widgets: rows from a pure function, of which only the changed ones are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from rich.segment import Segment
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dltui.tui.base.host import host
from dltui.tui.draw.styled_text import Row, fit, to_ascii

if TYPE_CHECKING:
    from rich.style import Style
    from textual.events import Resize

    from dltui.tui.base.host import Host

Draw = Callable[[int, int], list[Row]]


class Rows(Widget):
    """A widget that shows the rows returned by `draw(width, height)`; `redraw` calls it again."""

    DEFAULT_CSS = "Rows { height: 1fr; }"

    def __init__(self, draw: Draw, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._draw = draw
        self._rows: list[Row] = []
        self._strips: dict[int, Strip] = {}
        self._room = (0, 0)

    @property
    def host(self) -> Host:
        """The app as its pages see it."""
        return host(self.app)

    def redraw(self) -> None:
        """Draw again, and send the rows that differ."""
        width, height = self._room
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
                self._strips.pop(y, None)
        if changed:
            self.refresh(*changed)

    def row_at(self, y: int) -> Row:
        """The row that is shown at this line."""
        return self._rows[y] if 0 <= y < len(self._rows) else []

    def on_resize(self, event: Resize) -> None:
        # Asked for its size at each redraw, a widget would work it out anew.
        self._room = self.size
        self._rows = []
        self._strips.clear()
        self.redraw()

    def on_hide(self) -> None:
        """Forget the rows: they are drawn again when the widget is shown, which counts as a resize."""
        self._room = (0, 0)

    def refresh(self, *regions: Region, **how: bool) -> Self:
        if not regions:
            self._strips.clear()
        return super().refresh(*regions, **how)

    def notify_style_update(self) -> None:
        self._strips.clear()
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines directly. At each frame Textual asks all widgets for all their lines; its code for borders,
        padding and opacity, which no widget of rows has, would take as long as the rest of the frame.
        """
        width = self.size.width
        missing = [y for y in crop.line_range if y not in self._strips]
        if missing:
            base, filters = self.rich_style, self.app.get_line_filters()
            background = Color.from_rich_color(base.bgcolor)
            for y in missing:
                strip = self._strip(y, width, base)
                for line_filter in filters:
                    strip = strip.apply_filter(line_filter, background)
                self._strips[y] = strip
        strips = [self._strips[y] for y in crop.line_range]
        whole = crop.column_span == (0, width)
        return strips if whole else [strip.crop(*crop.column_span) for strip in strips]

    def _strip(self, y: int, width: int, base: Style) -> Strip:
        if y >= len(self._rows):
            return Strip.blank(width, base)
        style = self.host.palette.style
        row = fit(self._rows[y], width)
        if self.host.look.ascii:
            # Some signs take more letters than one, and then the end is cut off with a sign of its own.
            row = fit([(to_ascii(text), words) for text, words in row], width)
            row = [(to_ascii(text), words) for text, words in row]
        return Strip([Segment(self._shown(text, words), base + style(words)) for text, words in row], width)

    def _shown(self, text: str, words: str) -> str:
        """The text, or the cells of an image in its place."""
        if not words.startswith("image:"):
            return text
        number, row = map(int, words.split()[0].split(":")[1:])
        return self.host.image_cells(number, row, len(text))


def difference(old: Row, new: Row, width: int) -> tuple[int, int]:
    """The first cell in which two rows differ and the cell after the last; the whole width for rows with wide
    characters.
    """
    before, after = _cells(old, width), _cells(new, width)
    if before is None or after is None:
        return 0, width
    first = next((x for x in range(width) if before[x] != after[x]), 0)
    last = next((x for x in reversed(range(width)) if before[x] != after[x]), width - 1)
    return first, last + 1


def _cells(row: Row, width: int) -> list[tuple[str, str]] | None:
    """The letter and style of each cell; None where a letter is wider than a cell."""
    cells = [(letter, style) for text, style in fit(row, width) for letter in text]
    return cells if len(cells) == width else None
