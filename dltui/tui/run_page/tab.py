"""A tab of the run page: an object that draws itself and handles keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.geometry import Size

    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.run_page.watched_run import WatchedRun

Keys = tuple[tuple[str, str], ...]
"""Keys with a label each."""


class Tab:
    """A tab of a page about `run`; its methods do nothing unless a subclass overrides them."""

    name = ""
    whole = True
    """It takes the place of the table of metrics and of the last events, too."""

    def __init__(self, page: Page, run: WatchedRun) -> None:
        self.page, self.run = page, run
        self.at = 0
        """The number of rows that it is scrolled."""
        self.answers: dict[str, Answer] = {}
        """Keys that it alone has, answered while it is open."""
        self.answers_everywhere: dict[str, Answer] = {}
        """Keys that it alone has, answered whichever tab is open."""

    @property
    def title(self) -> str:
        return self.name

    @property
    def of_present(self) -> bool:
        """True if the tab shows the latest state, even while the page shows an earlier moment."""
        return False

    @property
    def wants(self) -> frozenset[str]:
        """The names of the files that it needs, as `RunWatch` knows them."""
        return frozenset()

    @property
    def keys(self) -> Keys:
        """The keys for the bottom bar, in place of the keys that steer the run."""
        return ()

    @property
    def hints(self) -> Keys:
        """The keys for the end of the row of tabs: those that are not in the bottom bar."""
        return ()

    @property
    def size(self) -> Size:
        """The width and height of its area in cells."""
        return self.page.query_one("#tab").size

    def key(self, width: int, height: int) -> tuple[object, ...]:
        """A cache key, equal as long as the tab need not be drawn again."""
        return (self.run.view.content if self.run.view is not None else None, self.at)

    def rows(self, width: int, height: int) -> list[Row]:
        """The rows of the tab for this area."""
        return []

    def length(self) -> int:
        """The number of rows that it can be scrolled."""
        return 0

    def idle(self, width: int) -> Row:
        """The content of the notice row when there is no message."""
        return []

    def scroll(self, by: int) -> None:
        """Move down or up by rows."""
        self.at = min(max(self.at + by, 0), self.length())

    def aside(self, by: int) -> None:
        """Move to the right or to the left."""

    def clicked(self, row: Row, x: int, y: int) -> None:
        """Handle a click on a row of its area."""

    def wheel(self, by: int) -> bool:
        """Handle a turn of the wheel; False where it scrolls."""
        return False

    def enter(self) -> None:
        """Open the details."""

    def filter(self) -> None:
        """Take the next filter."""

    def order(self) -> bool:
        """Take the next sort order; False when there is only one."""
        return False

    def back(self) -> bool:
        """Undo one step; False when there is none."""
        return False
