"""The search for a model by typing: among those of the list and the members of all families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from dltui.core.catalog.models.families import matching
from dltui.core.errors import UsageError
from dltui.core.text import safe
from dltui.tui.base.line_edit import LineEdit
from dltui.tui.base.threads import in_thread
from dltui.tui.draw.styled_text import Row, fit, left, on, window

if TYPE_CHECKING:
    from textual.events import Key

    from dltui.tui.base.page import Page
    from dltui.tui.new_run.state import FormState

BEGINS = ("slash", "equals_sign", "space")


class MembersRead(Message):
    """A message with the names of all members of all families."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names


class ModelSearch:
    """Handles the keys while a model is searched for, and draws what was found."""

    def __init__(self, page: Page, state: FormState) -> None:
        self._page, self._state = page, state
        self.edit: LineEdit | None = None
        """The words while they are typed."""
        self._names: list[str] | None = None
        self._at = 0
        self._waits = False
        """True if Enter was pressed before the names were read: what they have first is taken then."""

    @property
    def typing(self) -> bool:
        return self.edit is not None

    def leave(self) -> bool:
        """End the search without a choice; True."""
        self.edit = None
        return True

    def begin(self, text: str = "") -> bool:
        """Start typing if models can be searched for here; True if typing starts."""
        form = self._state.form
        if form is None or self._state.group != "model" or not form.catalog.families:
            return False
        self.edit, self._at, self._waits = LineEdit.of(text), 0, False
        if self._names is None:
            catalog, services = form.catalog, self._page.host.services
            in_thread(self._page, "members", lambda: MembersRead(services.catalog.members(catalog)))
        return True

    def read(self, message: MembersRead) -> None:
        """Store the names that a thread has read."""
        self._names = message.names
        if self._waits and self._found():
            self._take()
        self._waits = False

    def take_key(self, event: Key) -> bool:
        """Handle a key; True if it belongs to the search."""
        if self.edit is None:
            return event.key in BEGINS and self.begin()
        if event.key == "escape":
            self.edit = None
        elif event.key in ("enter", "tab"):
            self._take()
        elif event.key in ("down", "up", "pagedown", "pageup"):
            by = {"down": 1, "up": -1, "pagedown": 5, "pageup": -5}[event.key]
            self._at = min(max(self._at + by, 0), max(len(self._found()) - 1, 0))
        elif self.edit.key(event.key, event.character):
            self._at, self._waits = 0, False
        else:
            return False
        return True

    def take_paste(self, text: str) -> bool:
        """Handle pasted text; True if it belongs to the search."""
        if self.edit is not None:
            self.edit.paste(text)
            self._at, self._waits = 0, False
        return self.edit is not None

    def _found(self) -> list[str]:
        form = self._state.form
        if form is None or self.edit is None:
            return []
        return matching([*form.catalog.models, *(self._names or ())], self.edit.text)

    def _take(self) -> None:
        found, form = self._found(), self._state.form
        self._waits = not found and self._names is None
        if self._waits:
            return
        self.edit = None
        if not found or form is None:
            return
        try:
            form.choose_member(found[self._at])
        except UsageError as error:
            # The key that was taken clears the notice row first.
            self._page.call_later(self._page.notice.say, safe(error), "bad")

    def rows(self, width: int, height: int) -> list[Row]:
        """The typed words and what they find; empty while nothing is typed."""
        if self.edit is None:
            return []
        found = self._found()
        reading = "taken once read ..." if self._waits else "reading the libraries ..."
        count = f"{len(found):,} found" if self._names is not None else reading
        room = max(width - len(count) - 5, 8)
        head: Row = [(" / ", "accent bold"), *self.edit.row("bold", room)]
        rows: list[Row] = [[*fit(head, room + 3), (count, "faint")]]
        for number in window(len(found), self._at, height - 1):
            picked = number == self._at
            row: Row = [(" › " if picked else "   ", "accent bold"), (left(safe(found[number]), width - 3), "")]
            rows.append(on(fit(row, width), "selected") if picked else fit(row, width))
        return rows
