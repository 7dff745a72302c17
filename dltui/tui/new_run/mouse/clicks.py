"""Clicks in the form of a new run: the first chooses a row, another one opens it, as the keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.new_run import choices, settings_table
from dltui.tui.new_run.compact import rows as compact
from dltui.tui.new_run.state import GROUPS

if TYPE_CHECKING:
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.new_run.state import FormState

PARTS = {"models": "model", "devices": "device", "datasets": "dataset", "settings": "settings"}
"""The part of the form that a widget shows."""


class Clicks:
    """Finds out what was clicked, and chooses it."""

    def __init__(self, state: FormState) -> None:
        self._state = state

    def take(self, widget: str, row: Row, x: int, y: int, size: tuple[int, int]) -> bool:
        """Choose what is shown at this place of a widget; True if it had been chosen before, and is to be opened."""
        width, height = size
        if widget == "part":
            if y == 0:
                self._choose_part(compact.part_at(row, x))
                return False
            group, y, height = self._state.group, y - 1, compact.list_height(self._state.group, height)
        else:
            group = PARTS.get(widget, "")
        return self._choose(group, x, y, width, height) if 0 < y < height else False

    def _choose_part(self, part: int | None) -> None:
        form = self._state.form
        # Model, data and device of a fork are those of its parent.
        if part is not None and form is not None and form.parent is None:
            self._state.take()
            self._state.part = part

    def _choose(self, group: str, x: int, y: int, width: int, height: int) -> bool:
        state, form = self._state, self._state.form
        at = self._entry(group, y, height)
        if form is None or at is None or (form.parent is not None and group != "settings"):
            return False
        if group == state.group and at == state.chosen(group):
            if group != "model":
                return state.edit is None
        else:
            state.take()
            state.choose(group, at)
        if group == "model" and (framework := choices.framework_at(form, width, x)):
            form.choose_framework(framework)
        return False

    def _entry(self, group: str, y: int, height: int) -> int | None:
        """The place in its list of what stands in a row below the heading."""
        state, form = self._state, self._state.form
        if form is None or group not in GROUPS:
            return None
        if group == "dataset" and y - 1 == len(choices.shown_datasets(form, height)):
            return len(form.dataset_names()) - 1
        shown = {
            "model": lambda: choices.shown_models(form, height),
            "device": lambda: choices.shown_devices(len(state.device_names()), state.device_at, height),
            "dataset": lambda: choices.shown_datasets(form, height),
            "settings": lambda: settings_table.shown(form, state.setting_at, height),
        }[group]()
        return shown[y - 1] if y - 1 < len(shown) else None
