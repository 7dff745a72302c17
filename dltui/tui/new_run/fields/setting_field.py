"""The value of a setting, typed in its row of the new-run page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.base.line_edit import LineEdit
from dltui.tui.new_run.suited import values

if TYPE_CHECKING:
    from textual.events import Key

    from dltui.tui.new_run.state import FormState

BEGINNINGS = "0123456789.-"
"""Letters that begin a value without asking first."""
NOT_TEXT = " =?"
"""Letters that begin no text: the first two edit what is there, the last lists the keys."""


class SettingField:
    """Handles the keys while a value is typed; `state.edit` is that value."""

    def __init__(self, state: FormState) -> None:
        self._state = state

    @property
    def typing(self) -> bool:
        return self._state.edit is not None

    @property
    def is_text(self) -> bool:
        """True where the chosen setting is a text, which any letter begins."""
        setting = self._state.setting
        return self._state.group == "settings" and setting is not None and setting.spec.type == "str"

    def leave(self) -> bool:
        """Take what is typed; True, since an invalid value is taken too."""
        self._state.take()
        return True

    def begin(self) -> bool:
        """Start typing the value of the chosen setting, or take its next choice; False where neither is possible."""
        form, setting = self._state.form, self._state.setting
        if form is None or setting is None or self._state.group != "settings":
            return False
        shown = values.shown(form, setting)
        if not form.turn(setting, 1, shown):
            self._state.edit = LineEdit.over(shown)
        return True

    def put_default(self) -> bool:
        """Reset the chosen setting to its default. Returns False where there is nothing to reset."""
        form, setting = self._state.form, self._state.setting
        if form is None or setting is None or self._state.group != "settings":
            return False
        form.typed.pop(setting.key, None)
        return True

    def take_key(self, event: Key) -> bool:
        """Handle a key; True if it belongs to the value."""
        state, character = self._state, event.character or ""
        if state.edit is None and character == "," and self._begin_choices():
            return True
        if state.edit is None and self._begins(character):
            state.edit = LineEdit()
        if state.edit is None:
            return False
        if event.key == "escape":
            state.edit = None
        elif event.key == "enter":
            state.take()
        else:
            return state.edit.key(event.key, event.character)
        return True

    def _begins(self, character: str) -> bool:
        """True if this letter begins the value of the chosen setting."""
        if self.is_text:
            return len(character) == 1 and character.isprintable() and character not in NOT_TEXT
        setting = self._state.setting
        is_typed = setting is not None and setting.spec.type not in ("choice", "bool")
        return self._state.group == "settings" and is_typed and len(character) == 1 and character in BEGINNINGS

    def _begin_choices(self) -> bool:
        """Begin to type more choices after the one of the setting, as a sweep has them."""
        form, setting = self._state.form, self._state.setting
        if form is None or setting is None or self._state.group != "settings" or setting.kind != "model":
            return False
        self._state.edit = LineEdit()
        self._state.edit.insert(f"{values.shown(form, setting)},")
        return True

    def take_paste(self, text: str) -> bool:
        """Handle pasted text; True if it belongs to a value, which it begins where its first letter does."""
        if self._state.edit is None and self._begins(text.strip()[:1]):
            self._state.edit = LineEdit()
        if self._state.edit is not None:
            self._state.edit.paste(text)
        return self._state.edit is not None
