"""The base of all widgets: rows from a pure function, of which only the changed cells are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dltui.tui.base.frames.changes import cells_of, changes
from dltui.tui.base.host import host
from dltui.tui.draw.styled_text import Row, fit, to_ascii

if TYPE_CHECKING:
    from textual.events import Resize

    from dltui.tui.base.frames.changes import Cells
    from dltui.tui.base.host import Host

Draw = Callable[[int, int], list[Row]]
MOST_STYLES = 2_048
"""Pictures in color would fill the memory."""


class Rows(Widget):
    """A widget that shows the rows returned by `draw(width, height)`; `redraw` calls it again."""

    DEFAULT_CSS = "Rows { height: 1fr; }"

    def __init__(self, draw: Draw, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._draw = draw
        self._rows: list[Row] = []
        self._room = (0, 0)
        self._cells: dict[int, Cells | None] = {}
        """The cells of rows that have changed: those of the others need not be known."""
        self._strips: dict[int, Strip] = {}
        self._styles: dict[str, Style] = {}

    @property
    def host(self) -> Host:
        """The app as its pages see it."""
        return host(self.app)

    def redraw(self) -> None:
        """Draw again, and send the cells that differ."""
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
                changed += [Region(first, y, last - first, 1) for first, last in self._changes(y, old, new)]
        if changed:
            self._send(changed)

    def _changes(self, y: int, old: Row, new: Row) -> list[tuple[int, int]]:
        """The ranges of cells of a line to send; the whole line where a letter is wider than a cell."""
        width = self._room[0]
        self._strips.pop(y, None)
        before = self._cells[y] if y in self._cells else cells_of(self._fitted(old, width))
        after = self._cells[y] = cells_of(self._fitted(new, width))
        if before is None or after is None:
            return [(0, width)]
        return changes(before, after, self.host.palette.ground)

    def row_at(self, y: int) -> Row:
        """The row that is shown at this line."""
        return self._rows[y] if 0 <= y < len(self._rows) else []

    def on_resize(self, event: Resize) -> None:
        # Asked for its size at each redraw, a widget would work it out anew.
        self._room = self.size
        self._rows = []
        self._forget()
        self.redraw()

    def on_hide(self) -> None:
        """Forget the rows: they are drawn again when the widget is shown, which counts as a resize."""
        self._room = (0, 0)

    def refresh(self, *regions: Region, **how: bool) -> Self:
        self._forget()
        return super().refresh(*regions, **how)

    def _send(self, changed: list[Region]) -> None:
        """Have these cells sent with the next frame. Textual would do it by three messages, and forget sizes and
        styles that a letter does not change.
        """
        screen = self.screen
        self._repaint_regions.update(changed)
        screen._dirty_widgets.add(self)
        screen.check_idle()

    def notify_style_update(self) -> None:
        self._forget()
        super().notify_style_update()

    def _forget(self) -> None:
        """Forget what was made of the rows, because their size or the look of all has changed."""
        self._cells.clear()
        self._strips.clear()
        self._styles.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines directly. At each frame Textual asks all widgets for all their lines; its code for borders,
        padding and opacity, which no widget of rows has, would take as long as the rest of the frame.
        """
        first, last = crop.column_span
        return [self._line(y, first, last) for y in crop.line_range]

    def _line(self, y: int, first: int, last: int) -> Strip:
        """The cells of a line from `first` up to `last`."""
        # It has neither a border nor padding.
        width = self.outer_size.width
        cells = self._cells.get(y)
        if cells is not None and y not in self._strips and last - first < width:
            return self._strip(cells.part(first, last), last - first)
        if y not in self._strips:
            row = self._rows[y] if y < len(self._rows) else []
            self._strips[y] = self._strip(self._fitted(row, width), width)
        return self._strips[y] if last - first == width else self._strips[y].crop(first, last)

    def _strip(self, row: Row, width: int) -> Strip:
        return Strip([Segment(self._shown(text, words), self._style(words)) for text, words in row], width)

    def _fitted(self, row: Row, width: int) -> Row:
        """The row as it is shown."""
        row = fit(row, width)
        if self.host.look.ascii:
            # Some signs take more letters than one, and then the end is cut off with a sign of its own.
            row = fit([(to_ascii(text), words) for text, words in row], width)
            row = [(to_ascii(text), words) for text, words in row]
        return row

    def _style(self, words: str) -> Style:
        """The style of these words on the ground of the widget, as the terminal can show it."""
        style = self._styles.get(words)
        if style is None:
            if len(self._styles) >= MOST_STYLES:
                self._styles.clear()
            base = self.rich_style
            segments = [Segment(" ", base + self.host.palette.style(words))]
            for line_filter in self.app.get_line_filters():
                segments = line_filter.apply(segments, Color.from_rich_color(base.bgcolor))
            style = self._styles[words] = segments[0].style or Style.null()
        return style

    def _shown(self, text: str, words: str) -> str:
        """The text, or the cells of an image in its place."""
        if not words.startswith("image:"):
            return text
        number, row = map(int, words.split()[0].split(":")[1:])
        return self.host.image_cells(number, row, len(text))
