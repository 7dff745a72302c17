"""The pane of the list of runs that previews the selected run, on screens that have room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw.styled_text import Row, rule

if TYPE_CHECKING:
    from dltui.tui.base.page import Page
    from dltui.tui.run_list.preview import Preview
    from dltui.tui.run_list.preview_reading import Previewed, PreviewReading
    from dltui.tui.run_list.state import RunListState

WIDTH, HEIGHT = 120, 30
"""The smallest screen with a preview."""
LEAST_LIST = 8
OTHER_ROWS = 12
"""The rows of such a screen that are neither list nor preview."""
PATIENCE = 0.6
"""Seconds for which the preview of another run stays while one is read."""


class PreviewPane:
    """Draws the preview, and asks for it when another line is selected or the marks change."""

    def __init__(self, page: Page, state: RunListState) -> None:
        self._page, self._state = page, state
        self._reading: PreviewReading | None = None
        self._aimed: object = None
        self._since = 0.0
        self.found: Preview | None = None
        self._drawn: tuple[object, list[Row]] = (None, [])
        """The rows and what they were drawn of: charts and pictures take a while."""

    @property
    def has_room(self) -> bool:
        return self._page.size.width >= WIDTH and self._page.size.height >= HEIGHT

    def list_rows(self, lines: int) -> int | None:
        """The rows of a list of so many lines, so that a short list leaves its room to the preview; None for half of
        the screen.
        """
        half = (self._page.size.height - OTHER_ROWS) // 2
        rows = max(lines + 1, LEAST_LIST)
        return rows if rows < half else None

    def aim(self) -> None:
        """Preview the selected line; called whenever it may be another. Reading begins when it is first needed."""
        if self._reading is None and not (self.has_room and self._state.line):
            return
        from dltui.tui.run_list.preview_reading import PreviewReading, wanted

        chosen = wanted(self._state.line, tuple(self._state.marked)) if self.has_room else None
        if chosen == self._aimed:
            return
        if self._reading is None:
            self._reading = PreviewReading(self._page)
        self._aimed, self._since = chosen, self._page.host.services.clock.passed()
        self._reading.want(chosen)

    def stop(self) -> None:
        if self._reading is not None:
            self._reading.stop()

    def nudge(self) -> None:
        """Read at once, when the page is on top again."""
        if self._reading is not None and self._aimed is not None:
            self._reading.nudge()

    def rest(self) -> None:
        if self._reading is not None:
            self._reading.rest()

    def previewed(self, message: Previewed) -> None:
        self.found = message.found

    def rows(self, width: int, height: int) -> list[Row]:
        line, found = self._state.line, self.found
        if line is None or height < 3:
            return []
        if line.via:
            return [rule(width, f"on {line.via}; Enter {'lists its runs' if line.members else 'opens it'}")]
        late = self._page.host.services.clock.passed() - self._since > PATIENCE
        if found is None or (found.line != line.id and late):
            return [rule(width, f"reading {line.name} ...")]
        key = (found, found.line == line.id, width, height, self._page.host.look)
        if key != self._drawn[0]:
            from dltui.tui.run_list.preview import rows

            self._drawn = (key, rows(found, line.id, width, height, self._page.host.look))
        return self._drawn[1]
