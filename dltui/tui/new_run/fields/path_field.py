"""The field for the path of the user's own data, and the preview of that data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from dltui.core.errors import UsageError
from dltui.core.text import one_line, safe
from dltui.tui.base.line_edit import LineEdit
from dltui.tui.base.path_completion import completed
from dltui.tui.base.threads import in_thread
from dltui.tui.draw.styled_text import Row
from dltui.tui.new_run.form import OWN
from dltui.tui.new_run.suited import values

if TYPE_CHECKING:
    from textual.events import Key

    from dltui.core.contract import Preview
    from dltui.tui.base.page import Page
    from dltui.tui.new_run.state import FormState

BEGINNINGS = "/~."
"""Letters that begin a path without asking first."""
WORDS = "fc"
"""Letters that begin folder: and csv: where there is no path yet; elsewhere they are commands."""


class Previewed(Message):
    """A message with the preview of the data at a path, or the reason why there is none."""

    def __init__(self, key: str, found: Preview | None, problem: str = "") -> None:
        super().__init__()
        self.key, self.found, self.problem = key, found, problem


class PathField:
    """Handles the keys while a path is typed, and shows a preview of the chosen data."""

    def __init__(self, page: Page, state: FormState) -> None:
        self._page, self._state = page, state
        self.edit: LineEdit | None = None
        """The path while it is typed."""
        self._seen: dict[str, Previewed | None] = {}
        """By dataset and options; None while it is looked at."""

    @property
    def typing(self) -> bool:
        return self.edit is not None

    @property
    def is_missing(self) -> bool:
        """True where the own data is chosen and has no path yet: letters begin it."""
        form = self._state.form
        return form is not None and self._state.group == "dataset" and form.dataset_name == OWN

    def leave(self) -> bool:
        """Take what is typed; False where it is refused, and stays."""
        self._take()
        return self.edit is None

    def begin(self, text: str = "") -> bool:
        """Start typing a path if the user's own data is chosen and has no path, or gets another; True if typing
        starts.
        """
        form = self._state.form
        if form is None or self._state.group != "dataset" or form.dataset_name != form.dataset_names()[-1]:
            return False
        if form.own is not None and not text:
            return False
        self.edit = LineEdit.of(text)
        self._page.redraw()
        return True

    def take_key(self, event: Key) -> bool:
        """Handle a key; True if it belongs to the path."""
        form = self._state.form
        if self.edit is None:
            if event.key in ("equals_sign", "space") and form is not None and form.own is not None:
                return self.begin(form.own.reference)
            character = event.character or "\0"
            begins = BEGINNINGS + WORDS * self.is_missing
            return character in begins and self.begin(character)
        if event.key == "escape":
            self.edit = None
        elif event.key == "tab" and (longer := completed(self.edit.text)) != self.edit.text:
            self.edit = LineEdit.of(longer)
        elif event.key in ("enter", "tab"):
            self._take()
        else:
            return self.edit.key(event.key, event.character) or event.key in ("up", "down", "pageup", "pagedown")
        return True

    def take_paste(self, text: str) -> bool:
        """Handle pasted text; True if it belongs to the path."""
        if self.edit is None:
            return bool(text.strip()) and self.begin(one_line(text.strip("\r\n")).lstrip())
        self.edit.paste(text)
        return True

    def _take(self) -> None:
        text, self.edit = self.edit.text.strip() if self.edit else "", None
        if self._state.form is None or not text:
            return
        try:
            self._state.form.choose_path(text)
        except UsageError as error:
            self.edit = LineEdit.of(text)
            # The key that was taken clears the notice row first.
            self._page.call_later(self._page.notice.say, safe(error), "bad")
            return
        self._forget()
        self.look()

    def _forget(self) -> None:
        """Have the chosen data looked at again: it may have changed since."""
        form = self._state.form
        key = values.data_key(form) if form is not None else ""
        if form is not None and self._seen.get(key) is not None:
            del self._seen[key]
            form.previews.pop(key, None)

    def look(self) -> None:
        """Load a preview of the chosen own data in a thread, once for each."""
        form = self._state.form
        key = values.data_key(form) if form is not None else ""
        self._page.set_class(bool(key) and self._state.group == "dataset", "looking")
        if not key or key in self._seen or form is None or form.dataset is None:
            return
        self._seen[key] = None
        entry, options, catalog = form.dataset, form.values("data"), self._page.host.services.catalog

        def look() -> Message:
            try:
                return Previewed(key, catalog.preview(entry, options))
            except UsageError as error:
                return Previewed(key, None, str(error))

        in_thread(self._page, "preview", look)

    def previewed(self, message: Previewed) -> None:
        """Store a preview that a thread has loaded."""
        self._seen[message.key] = message
        if self._state.form is not None and message.found is not None:
            self._state.form.previews[message.key] = message.found

    def rows(self, width: int, height: int) -> list[Row]:
        """The preview of the chosen data; empty for data without a preview."""
        form = self._state.form
        if form is not None and (form.dataset_name == OWN or self.edit is not None):
            return _invitation(self.edit is not None)[:height]
        key = values.data_key(form) if form is not None else ""
        if not key:
            return []
        seen = self._seen.get(key)
        if seen is None:
            return [[(" looking ...", "dim")]]
        if seen.found is None:
            from textwrap import wrap

            return [[(f" {line}", "bad")] for line in wrap(safe(seen.problem), width - 2)][:height]
        from dltui.tui.draw.data_preview import pane

        return pane(seen.found, width, height, self._page.host.look)


def _invitation(typing: bool) -> list[Row]:
    last = " Tab completes, Enter takes it" if typing else " Enter, and type or paste a path"
    return [
        [(" folder:PATH", "bold"), ("  images, one folder a class", "")],
        [(" csv:PATH", "bold"), ("     a table, one column is predicted", "")],
        [(" images:TABLE", "bold"), ("  shards:TARS  hf:NAME  more images", "")],
        [(last, "dim")],
    ]
