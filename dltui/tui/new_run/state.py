"""The state of the new-run page: the form, the loaded data, the cursor and the text being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.new_run.devices import marks
from dltui.tui.new_run.suited import values

if TYPE_CHECKING:
    from dltui.tui.base.line_edit import LineEdit
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.load import Loaded
    from dltui.tui.new_run.setting import Setting

GROUPS = ("model", "device", "dataset", "settings")


class FormState:
    """The plain values that the page and the handlers of its keys share."""

    def __init__(self, again: bool) -> None:
        self.loaded: Loaded | None = None
        # Again: what differs is most likely a setting.
        self.part = GROUPS.index("settings") if again else 0
        self.device_at = 0
        """-1 while the word of the form means none of the list."""
        self.marked: dict[str, int] = {}
        """The devices that train together, by name, and how many processes each has."""
        self._setting_at = 1
        self.edit: LineEdit | None = None
        """The value of the chosen setting while it is typed."""

    def load(self, loaded: Loaded) -> None:
        """Take the data that a thread has loaded."""
        self.loaded = loaded
        self.sync_device()

    def replace(self, form: RunForm) -> None:
        """Show another form with the same lists; its device is treated as in `load`."""
        if self.loaded is not None:
            self.loaded.form = form
            self.sync_device()

    def sync_device(self) -> None:
        """Mark the devices that the word of the form means, and move their cursor there. The word for one device stays;
        for one that means none here there is a problem.
        """
        form, names = self.form, self.device_names()
        if form is None:
            return
        self.marked = marks.marks_of(form.device, form.devices)
        small, problem = form.device.strip().lower(), ""
        word = marks.word(self.marked) or (small if small in names else form.device)
        at = next(iter(self.marked), word)
        if at not in names and not form.is_away:
            at, problem = marks.meant(word, form.devices)
        self.device_at = names.index(at) if at in names else -1
        form.choose_device(word, problem)

    @property
    def form(self) -> RunForm | None:
        return self.loaded.form if self.loaded else None

    @property
    def group(self) -> str:
        """The part of the page that has the cursor, one of GROUPS."""
        return GROUPS[self.part]

    @property
    def setting_at(self) -> int:
        """The place of the chosen setting; the last one where another model or dataset has fewer."""
        rows = self.form.settings() if self.form else []
        return min(self._setting_at, len(rows) - 1) if rows else self._setting_at

    @setting_at.setter
    def setting_at(self, at: int) -> None:
        self._setting_at = at

    @property
    def setting(self) -> Setting | None:
        """The chosen setting."""
        rows = self.form.settings() if self.form else []
        return rows[min(self._setting_at, len(rows) - 1)] if rows else None

    def device_names(self) -> list[str]:
        """The devices in the order of their list."""
        return ["auto", *(device.name for device in (self.loaded.devices if self.loaded else ()))]

    def present(self) -> dict[str, str]:
        """The location of each dataset, by name."""
        return self.loaded.present if self.loaded else {}

    def show(self, setting: Setting) -> None:
        """Move the cursor to the row of a setting; what is typed elsewhere is taken first."""
        self.take()
        rows = self.form.settings() if self.form else []
        self.part, self.setting_at = GROUPS.index("settings"), rows.index(setting)

    def turn_part(self, by: int) -> None:
        """Move the cursor to another part of the page."""
        if self.form is None or self.form.parent is None:
            # Model, data and device of a fork are those of its parent.
            self.part = (self.part + by) % len(GROUPS)

    def move(self, by: int) -> None:
        """Move the cursor within its part, and choose the new entry."""
        if self.form is not None:
            self.choose(self.group, max(self.chosen(self.group) + by, 0))

    def chosen(self, group: str) -> int:
        """The place of the chosen entry in the list of a part; -1 for one that is not in it."""
        form = self.form
        if form is None or group == "settings":
            return self.setting_at
        if group == "device":
            return self.device_at
        names, name = self._names(form, group)
        return names.index(name) if name in names else -1

    def choose(self, group: str, at: int) -> None:
        """Move the cursor to an entry of a part, at most the last one, and choose it."""
        form = self.form
        if form is None:
            return
        self.part = GROUPS.index(group)
        if group == "settings":
            self.setting_at = min(at, len(form.settings()) - 1)
        elif group == "device":
            devices = self.device_names()
            self.device_at = min(at, len(devices) - 1)
            form.choose_device(marks.word(self.marked) or devices[self.device_at])
        elif names := self._names(form, group)[0]:
            choose = form.choose_model if group == "model" else form.choose_dataset
            choose(names[min(at, len(names) - 1)])

    @staticmethod
    def _names(form: RunForm, group: str) -> tuple[list[str], str]:
        """The entries of the models or datasets, and the chosen one."""
        if group == "model":
            return form.model_names(), form.model_name
        return form.dataset_names(), form.dataset_name

    def mark(self) -> bool:
        """Let the device at the cursor train together with the others that are marked, or no more; the CPU gets one
        process more, up to one for each core. False outside of the list of devices.
        """
        form, names = self.form, self.device_names()
        if form is None or self.group != "device" or self.device_at < 0:
            return False
        self.marked = marks.turned(self.marked, names[self.device_at], form.devices)
        form.choose_device(marks.word(self.marked) or names[self.device_at])
        return True

    def turn(self, by: int) -> None:
        """Choose another framework, or another choice of the setting."""
        form = self.form
        if form is None:
            return
        if self.group == "model":
            there = [name for name in form.frameworks() if form.twin(name)]
            form.choose_framework(_step(there, form.framework, by))
        elif self.group == "settings" and self.setting is not None:
            form.turn(self.setting, by, values.shown(form, self.setting))

    def take(self) -> None:
        """Make the typed text the value, even if invalid: it is shown red and prevents the start."""
        if self.edit is not None and self.form is not None and self.setting is not None:
            self.form.put(self.setting, self.edit.text)
        self.edit = None


def _step(names: list[str], chosen: str, by: int) -> str:
    """The name `by` places further, within the ends."""
    if not names:
        return chosen
    at = names.index(chosen) if chosen in names else 0
    return names[min(max(at + by, 0), len(names) - 1)]
