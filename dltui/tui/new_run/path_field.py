"""The part of the new-run form where the path of somebody's own data is typed, and what lies there is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

from dltui.core.errors import UsageError
from dltui.core.text import safe
from dltui.tui.base.line_edit import LineEdit
from dltui.tui.base.threads import in_thread
from dltui.tui.draw.styled_text import Row
from dltui.tui.new_run.form import OWN

if TYPE_CHECKING:
    from textual.events import Key, Paste

    from dltui.core.contract import Preview
    from dltui.tui.base.page import Page
    from dltui.tui.new_run.form import RunForm

    class _Page(Page):
        """What the form has beside this."""

        form: RunForm | None

        @property
        def group(self) -> str: ...
else:
    _Page = object

BEGINNINGS = "/~.fc"
"""Letters that begin a path, or folder: and csv:, without asking first."""


class Previewed(Message):
    """What lies at a path, or why that cannot be shown."""

    def __init__(self, key: str, found: Preview | None, problem: str = "") -> None:
        super().__init__()
        self.key, self.found, self.problem = key, found, problem


class OwnPath(_Page):
    """Mixed into the form."""

    path_edit: LineEdit | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seen: dict[str, Previewed | None] = {}
        """By dataset and options; None while it is looked at."""

    def begin_path(self, text: str = "") -> bool:
        """Type a path, where your own data is chosen and has none, or is to be another; whether that is so."""
        form = self.form
        if form is None or self.group != "dataset" or form.dataset_name != form.dataset_names()[-1]:
            return False
        if form.own is not None and not text:
            return False
        self.path_edit = LineEdit.of(text)
        self.redraw()
        return True

    def on_key(self, event: Key) -> None:
        if self.path_edit is None:
            character = event.character or "\0"
            if event.key in ("equals_sign", "space") and self.form is not None and self.form.own is not None:
                taken = self.begin_path(self.form.own.reference)
            else:
                taken = character in BEGINNINGS and self.begin_path(character)
            if not taken:
                return
        elif event.key == "escape":
            self.path_edit = None
        elif event.key in ("enter", "tab"):
            self._take_path()
        elif not self.path_edit.key(event.key, event.character) and event.key not in ("up", "down"):
            return
        event.stop()
        event.prevent_default()
        self.notice.hush()
        self.redraw()

    def on_paste(self, event: Paste) -> None:
        text = safe(event.text).strip()
        if self.path_edit is not None:
            self.path_edit.insert(text)
        elif not self.begin_path(text):
            return
        self.redraw()

    def _take_path(self) -> None:
        text, self.path_edit = self.path_edit.text.strip() if self.path_edit else "", None
        if self.form is None or not text:
            return
        try:
            self.form.choose_path(text)
        except UsageError as error:
            self.path_edit = LineEdit.of(text)
            self.call_later(self.notice.say, safe(error), "bad")
            return
        self.look_at_data()

    def look_at_data(self) -> None:
        """Have a look at data of one's own while it is chosen, in a thread; each once."""
        key = self._key()
        self.set_class(bool(key) and self.group == "dataset", "looking")
        if not key or key in self._seen or self.form is None or self.form.dataset is None:
            return
        self._seen[key] = None
        entry, options, services = self.form.dataset, self.form.values("data"), self.dltui.services

        def look() -> Message:
            try:
                return Previewed(key, services.preview(entry, options))
            except UsageError as error:
                return Previewed(key, None, str(error))

        in_thread(self, "preview", look)

    def on_previewed(self, message: Previewed) -> None:
        self._seen[message.key] = message
        self.redraw()

    def preview_rows(self, width: int, height: int) -> list[Row]:
        """What lies where the chosen data is; nothing for data that is not one's own."""
        form = self.form
        if form is not None and form.dataset_name == OWN:
            return _invitation()[:height]
        key = self._key()
        if not key:
            return []
        seen = self._seen.get(key)
        if seen is None:
            return [[(" looking ...", "dim")]]
        if seen.found is None:
            from textwrap import wrap

            return [[(f" {line}", "bad")] for line in wrap(safe(seen.problem), width - 2)][:height]
        from dltui.tui.draw.data_preview import pane

        return pane(seen.found, width, height, self.dltui.look)

    def _key(self) -> str:
        """Names the chosen data with its options; "" where there is nothing to look at."""
        form = self.form
        if form is None or form.dataset is None or not form.dataset.previews or form.dataset.needs_path:
            return ""
        try:
            return f"{form.dataset_name} {sorted(form.values('data').items())}"
        except UsageError:
            return ""


def _invitation() -> list[Row]:
    return [
        [(" folder:PATH", "bold"), ("  images, one folder a class", "")],
        [(" csv:PATH", "bold"), ("     a table, one column is predicted", "")],
        [(" Enter, and type or paste a path", "dim")],
    ]
