"""Sends the cells of a page that have changed and no others. Textual's own compositor divides all lines of all widgets
that a frame touches, and sends a changed line from the left edge of its widget on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from textual import _compositor
from textual.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.segment import Segment
    from textual.strip import Strip

Part = tuple[int, int, "Strip"]
"""A line, a column, and the cells from there on."""


class PartsUpdate(_compositor.CompositorUpdate):
    """Parts of lines, from top to bottom and from left to right."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    def __rich_console__(self, *_: object) -> Iterator[Segment]:
        """Never used: the app writes what `render_segments` returns."""
        raise NotImplementedError

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        return "".join([f"\x1b[{y + 1};{x + 1}H{strip.render(console)}" for y, x, strip in self.parts])


class Compositor(_compositor.Compositor):
    """A compositor whose updates of single lines contain what has changed."""

    def render_partial_update(self) -> RenderableType | None:  # type: ignore[override]
        """The changed parts since the last update; None if there are none."""
        regions = [region.intersection(self.size.region) for region in self._dirty_regions]
        self._dirty_regions.clear()
        parts = [part for y, first, last in self._regions_to_spans(regions) for part in self._parts(y, first, last)]
        return PartsUpdate(parts) if parts else None

    def _parts(self, y: int, first: int, last: int) -> Iterator[Part]:
        """The cells of a line from the widgets that show there, the front ones before those behind them."""
        if first >= last:
            return
        for widget, shown, region in self.layers_visible[y]:
            left, right = max(first, shown.x), min(last, shown.right)
            if left < right:
                crop = Region(left - region.x, y - region.y, right - left, 1)
                yield from self._parts(y, first, left)
                yield y, left, widget.render_lines(crop)[0]
                yield from self._parts(y, right, last)
                return
