"""The form of a new run: one page, Enter trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal

from dltui.core.text import safe
from dltui.tui.base.line_edit import LineEdit
from dltui.tui.base.page import bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, in_thread
from dltui.tui.draw.styled_text import Row, cut, ends, fit, rule
from dltui.tui.draw.wording import duration
from dltui.tui.new_run import choices, settings_table
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.load import Loaded, load
from dltui.tui.new_run.path_field import OwnPath
from dltui.tui.new_run.setting import Setting
from dltui.tui.new_run.start_keys import WarmUp

if TYPE_CHECKING:
    from textual.events import Key, Paste
    from textual.widget import Widget

    from dltui.core.rundir.directory import RunDirectory

GROUPS = ("model", "device", "dataset", "settings")


class NewRunPage(OwnPath, WarmUp):
    """What to train, on what, where and how."""

    name_of_page = "New run"
    keys = (
        ("Enter", "start"),
        ("t", "try"),
        ("f", "queue"),
        ("Tab", "next"),
        ("←→", "choose"),
        ("Esc", "back"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("tab", "part(1)", "next part", "models, devices, datasets, settings"),
        bind("shift+tab", "part(-1)", "previous part"),
        bind("down,j", "move(1)", "down"),
        bind("up,k", "move(-1)", "up"),
        bind("pagedown", "move(8)", "page down"),
        bind("pageup", "move(-8)", "page up"),
        bind("right", "turn(1)", "next choice", "another framework, or the next choice of a setting"),
        bind("left", "turn(-1)", "previous choice"),
        bind("equals_sign,space", "type", "type", "type over the value; a digit, a dot or a minus begins too"),
        bind("backspace", "default", "default", "put the default back"),
        bind("y", "copy", "copy command", "copy the command line"),
        bind("escape", "back", "back", "leave the form"),
    ]
    DEFAULT_CSS = """
    NewRunPage #choices { height: 6; }
    NewRunPage #data { height: 5; }
    NewRunPage.tall #choices { height: 7; }
    NewRunPage.tall #data { height: 7; }
    NewRunPage.tall.looking #data { height: 17; }
    NewRunPage .left, NewRunPage .right { width: 1fr; }
    NewRunPage .line { height: 1; }
    NewRunPage .between { width: 1; }
    NewRunPage #command { height: 1; }
    """

    def __init__(self, like: RunDirectory | None = None, instead: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.like, self.instead = like, instead or {}
        self.loaded: Loaded | None = None
        # Again: what differs is most likely a setting.
        self.part = GROUPS.index("settings") if like is not None else 0
        self.device_at = 0
        self.setting_at = 1
        self.edit: LineEdit | None = None

    def body(self) -> Iterable[Widget]:
        bar = lambda width, height: [[("│", "rule")] for _ in range(height)]  # noqa: E731
        with_form = self._with_form
        with Horizontal(id="choices"):
            yield Rows(with_form(self._models), classes="left")
            yield Rows(bar, classes="between")
            yield Rows(with_form(self._devices), classes="right")
        yield Rows(lambda width, height: [rule(width)], classes="line")
        with Horizontal(id="data"):
            yield Rows(with_form(self._datasets), classes="left")
            yield Rows(bar, classes="between")
            yield Rows(with_form(self._explain), classes="right")
        yield Rows(lambda width, height: [rule(width)], classes="line")
        yield Rows(with_form(self._settings), id="settings")

    def after_notice(self) -> Iterable[Widget]:
        yield Rows(self._command, id="command")

    def on_mount(self) -> None:
        services = self.dltui.services
        self.call_after_refresh(in_thread, self, "catalog", lambda: load(services, self.like, self.instead))

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        self.set_class(self.size.height >= 32, "tall")

    def on_loaded(self, message: Loaded) -> None:
        self.loaded, self.form = message, message.form
        names = ["auto", *(device.name for device in message.devices)]
        self.device_at = names.index(message.form.device) if message.form.device in names else 0
        message.form.device = names[self.device_at]
        if message.form.catalog.problems:
            name, reason = message.form.catalog.problems[0]
            self.notice.say(f"plugin {safe(name)} is left out: {safe(reason)}", "warn")
        self.look_at_data()
        self.warm_up()
        self.redraw()

    def on_failed(self, message: Failed) -> None:
        # A dry run that fails says nothing of a start that is under way.
        self.starting = self.starting and message.task != "start"
        self.notice.say(message.reason, "bad", seconds=60)

    def show_setting(self, setting: Setting) -> None:
        rows = self.form.settings() if self.form else []
        self.part, self.setting_at = GROUPS.index("settings"), rows.index(setting)

    @property
    def group(self) -> str:
        return GROUPS[self.part]

    @property
    def setting(self) -> Setting | None:
        rows = self.form.settings() if self.form else []
        return rows[min(self.setting_at, len(rows) - 1)] if rows else None

    def head(self, width: int) -> Row:
        origin = self.form.origin if self.form else ""
        return ends(
            [(" dltui", "accent bold"), ("  New run", "bold"), (f"   {safe(origin)}", "dim")], self.clock_text(), width
        )

    def status_line(self) -> str:
        return "a new run"

    def idle(self) -> Row:
        if self.form is None:
            return [(" reading the plugins ...", "accent")]
        if self.trying is not None:
            passed = duration(self.dltui.services.clock() - self.trying)
            return [(f" trying 20 batches, evaluation and figures: {passed}; nothing is kept", "accent")]
        if self.starting:
            return [(f" {safe(self.preparing) or 'checking the data and the device'} ...", "accent")]
        setting = self.setting
        problem = ""
        if setting is not None:
            problem = self.form.problem(setting, self.edit.text if self.edit else None)
        problem = problem or self.form.first_problem()[1]
        if problem:
            return [(f" {safe(problem)}", "bad")]
        if self.group == "settings" and setting is not None:
            unit = f" ({setting.spec.unit})" if setting.spec.unit else ""
            return [(f" {safe(setting.spec.description)}{safe(unit)}", "dim")]
        return [(" Enter starts the run; it goes on when you leave", "faint")]

    def _with_form(self, draw: Callable[[RunForm, int, int], list[Row]]) -> Callable[[int, int], list[Row]]:
        return lambda width, height: draw(self.form, width, height) if self.form is not None else []

    def _present(self) -> dict[str, str]:
        return self.loaded.present if self.loaded else {}

    def _models(self, form: RunForm, width: int, height: int) -> list[Row]:
        return choices.models(form, width, height, self.group == "model")

    def _devices(self, form: RunForm, width: int, height: int) -> list[Row]:
        found = self.loaded.devices if self.loaded else None
        return choices.devices(form, found, self.device_at, width, height, self.group == "device")

    def _datasets(self, form: RunForm, width: int, height: int) -> list[Row]:
        return choices.datasets(form, self._present(), width, height, self.group == "dataset", self.path_edit)

    def _explain(self, form: RunForm, width: int, height: int) -> list[Row]:
        seen = self.preview_rows(width, height) if self.group == "dataset" else []
        return seen or choices.explain(form, self._present(), width, height, self.group == "dataset")

    def _settings(self, form: RunForm, width: int, height: int) -> list[Row]:
        return settings_table.settings(form, self.setting_at, self.edit, width, height, self.group == "settings")

    def _command(self, width: int, height: int) -> list[Row]:
        text = self.form.command_line() if self.form else ""
        return [fit([(" $ ", "faint"), (cut(safe(text), width - 4), "accent")], width)]

    def action_part(self, by: int) -> None:
        self._take()
        self.part = (self.part + by) % len(GROUPS)
        self.look_at_data()
        self.warm_up()
        self.redraw()

    def action_move(self, by: int) -> None:
        self._take()
        self.notice.hush()
        if self.form is None:
            return
        if self.group == "model":
            self.form.choose_model(_step(self.form.model_names(), self.form.model_name, by))
        elif self.group == "dataset":
            self.form.dataset_name = _step(self.form.dataset_names(), self.form.dataset_name, by)
            self.look_at_data()
        elif self.group == "device":
            names = ["auto", *(device.name for device in (self.loaded.devices if self.loaded else ()))]
            self.device_at = min(max(self.device_at + by, 0), len(names) - 1)
            self.form.device = names[self.device_at]
        else:
            self.setting_at = min(max(self.setting_at + by, 0), len(self.form.settings()) - 1)
        self.warm_up()
        self.redraw()

    def action_turn(self, by: int) -> None:
        if self.form is None:
            return
        if self.group == "model":
            there = [name for name in self.form.frameworks() if self.form.twin(name)]
            self.form.choose_framework(_step(there, self.form.framework, by))
        elif self.group == "settings" and self.setting is not None:
            self.form.turn(self.setting, by)
        self.warm_up()
        self.redraw()

    def action_type(self) -> None:
        setting = self.setting
        if self.form is None or self.begin_path() or self.group != "settings" or setting is None:
            return
        if not self.form.turn(setting, 1):
            self.edit = LineEdit.of(self.form.text(setting))
        self.redraw()

    def action_default(self) -> None:
        if self.form is not None and self.group == "settings" and self.setting is not None:
            self.form.typed.pop(self.setting.key, None)
            self.redraw()

    def on_key(self, event: Key) -> None:
        """Typing goes before every other meaning of a key."""
        character = event.character or ""
        begins = self.group == "settings" and character and character in "0123456789.-"
        typed = self.setting is not None and self.setting.spec.type not in ("choice", "bool")
        if self.edit is None and begins and typed:
            self.edit = LineEdit()
        if self.edit is None:
            return
        if event.key == "escape":
            self.edit = None
        elif event.key == "enter":
            self._take()
        elif not self.edit.key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        self.notice.hush()
        self.redraw()

    def on_paste(self, event: Paste) -> None:
        if self.edit is not None:
            self.edit.insert(safe(event.text))
            self.redraw()

    def _take(self) -> None:
        """What was typed becomes the value, wrong or not: it is shown red and keeps the run from starting."""
        if self.edit is not None and self.form is not None and self.setting is not None:
            self.form.put(self.setting, self.edit.text)
        self.edit = None

    def action_copy(self) -> None:
        if self.form is not None:
            self.dltui.copy_to_clipboard(self.form.command_line())
            self.notice.say("copied, if your terminal allows it")

    def action_back(self) -> None:
        self.dltui.back()


def _step(names: list[str], chosen: str, by: int) -> str:
    """The name `by` places further, not beyond the ends."""
    if not names:
        return chosen
    at = names.index(chosen) if chosen in names else 0
    return names[min(max(at + by, 0), len(names) - 1)]
