"""The page with the form of a new run; Enter starts the training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal

from dltui.core.text import safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, Told, in_thread
from dltui.tui.draw.styled_text import Row, cut, fit, rule
from dltui.tui.new_run import choices, outcome, settings_table
from dltui.tui.new_run.compact import rows as compact
from dltui.tui.new_run.fields.model_search import MembersRead, ModelSearch
from dltui.tui.new_run.fields.path_field import PathField, Previewed
from dltui.tui.new_run.fields.setting_field import SettingField
from dltui.tui.new_run.finding import FIND_KEYS, BatchFound, FindKeys
from dltui.tui.new_run.load import Loaded, load
from dltui.tui.new_run.mouse.clicks import Clicks
from dltui.tui.new_run.presets.keys import PRESET_KEYS, FormsRead, NameTaken, PresetKeys
from dltui.tui.new_run.start_keys import START_KEYS, Started, StartKeys, SweepBegun, Tried, WarmUp
from dltui.tui.new_run.state import FormState
from dltui.tui.new_run.suited import values

if TYPE_CHECKING:
    from textual.events import Click, Key
    from textual.widget import Widget

    from dltui.core.rundir.directory import RunDirectory


LEAST_HINT = 50
KEYS = (("Enter", "start"), ("t", "try"), ("f", "queue"), ("Tab", "next"), ("←→", "choose"), ("Esc", "back"))
ONE_PART = (("Enter", "start"), ("Tab", "next"), ("t", "try"), ("f", "queue"), ("←→", "choose"), ("Esc", "back"))
FORK = (("Enter", "start"), ("Up Down", "setting"), ("←→", "choose"), ("y", "copy"), ("Esc", "back"))
TEXT = (("Enter", "start"), ("letters", "type over it"), ("Tab", "next"), ("Esc", "back"))
PATH = (("Enter", "type a path"), ("Tab", "next"), ("Esc", "back"))
TYPING = (("Enter", "take it"), ("Esc", "leave it"))
FAILED = (("Esc", "back"), ("q", "leave"))


class NewRunPage(Page):
    """The page with model, device, dataset and settings; `state` is shared with the objects that handle its keys."""

    name_of_page = "New run"
    BINDINGS: ClassVar[list[BindingType]] = [
        *START_KEYS,
        *FIND_KEYS,
        *PRESET_KEYS,
        bind("tab", "part(1)", "next part", "models, devices, datasets, settings"),
        bind("shift+tab", "part(-1)", "previous part"),
        bind("down,j", "move(1)", "down"),
        bind("up,k", "move(-1)", "up"),
        bind("pagedown", "move(8)", "page down"),
        bind("pageup", "move(-8)", "page up"),
        bind("right", "turn(1)", "next choice", "another framework, or the next choice of a setting"),
        bind("left", "turn(-1)", "previous choice"),
        bind(
            "equals_sign,space",
            "type",
            "type, mark",
            "type over the value; a digit, a dot or a minus begins too, of a text any letter. In the list of devices: "
            "mark one of several",
        ),
        bind("slash", "search", "search", "find a model by words of its name, in the families too"),
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
    NewRunPage #part { display: none; }
    NewRunPage.one-part #choices, NewRunPage.one-part #data, NewRunPage.one-part #settings { display: none; }
    NewRunPage.one-part .line { display: none; }
    NewRunPage.one-part #part { display: block; }
    """

    def __init__(
        self, like: RunDirectory | None = None, instead: Mapping[str, Any] | None = None, fork: bool = False
    ) -> None:
        """`like` fills it as that run was, with hyperparameters `instead` of its own; with `fork` the new run begins
        with its last checkpoint.
        """
        super().__init__()
        self.like, self.instead, self.fork = like, instead or {}, fork
        self.problem = ""
        """Why there is no form."""
        self.state = FormState(again=like is not None)
        self.clicks = Clicks(self.state)
        self.setting_field = SettingField(self.state)
        self.path_field = PathField(self, self.state)
        self.model_search = ModelSearch(self, self.state)
        self.fields = (self.setting_field, self.path_field, self.model_search)
        self.start_keys = StartKeys(self, self.state, self.path_field)
        self.warm_up = WarmUp(self, self.state)
        self.find_keys = FindKeys(self, self.state, self.start_keys, self._changed)
        self.start_keys.free_device = self.find_keys.cancel
        self.preset_keys = PresetKeys(self, self.state, self._changed)
        self.answers = {**self.start_keys.answers, **self.find_keys.answers, **self.preset_keys.answers}

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        if self.problem:
            return FAILED
        if self.typing:
            return TYPING
        if self.path_field.is_missing or self.setting_field.is_text:
            # There letters are no commands.
            return PATH if self.path_field.is_missing else TEXT
        return FORK if self.fork else ONE_PART if compact.is_small(*self.size) else KEYS

    @property
    def typing(self) -> bool:
        """True while a value, a path or the words of a search are typed."""
        return any(field.typing for field in self.fields)

    def body(self) -> Iterable[Widget]:
        bar = lambda width, height: [[("│", "rule")] for _ in range(height)]  # noqa: E731
        with_form = self._with_form
        with Horizontal(id="choices"):
            yield Rows(with_form(self._models), id="models", classes="left")
            yield Rows(bar, classes="between")
            yield Rows(with_form(self._devices), id="devices", classes="right")
        yield Rows(lambda width, height: [rule(width)], classes="line")
        with Horizontal(id="data"):
            yield Rows(with_form(self._datasets), id="datasets", classes="left")
            yield Rows(bar, classes="between")
            yield Rows(with_form(self._explain), classes="right")
        yield Rows(lambda width, height: [rule(width)], classes="line")
        yield Rows(with_form(self._settings), id="settings")
        yield Rows(with_form(self._one_part), id="part")

    def after_notice(self) -> Iterable[Widget]:
        yield Rows(self._command, id="command")

    def on_mount(self) -> None:
        services = self.host.services
        self.call_after_refresh(in_thread, self, "catalog", lambda: load(services, self.like, self.instead, self.fork))

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        self.set_class(self.size.height >= 32, "tall")
        self.set_class(compact.is_small(*self.size), "one-part")

    def on_unmount(self) -> None:
        self.warm_up.end()
        self.find_keys.cancel()

    def on_loaded(self, message: Loaded) -> None:
        self.state.load(message)
        if message.form.catalog.problems:
            name, reason = message.form.catalog.problems[0]
            self.notice.say(f"plugin {safe(name)} is left out: {safe(reason)}", "warn")
        self._changed()

    def on_started(self, message: Started) -> None:
        self.host.started(message.run)

    def on_sweep_begun(self, message: SweepBegun) -> None:
        self.host.swept(message.name)

    def on_batch_found(self, message: BatchFound) -> None:
        self.find_keys.found(message, typing=self.typing)

    def on_tried(self, message: Tried) -> None:
        self.start_keys.tried(message)

    def on_failed(self, message: Failed) -> None:
        if self.state.loaded is None:
            self.problem = message.reason
            self.redraw()
        else:
            self.start_keys.failed(message, typing=self.typing)

    def on_forms_read(self, message: FormsRead) -> None:
        self.preset_keys.read(message)

    def on_name_taken(self, message: NameTaken) -> None:
        self.preset_keys.taken(message)

    def on_told(self, message: Told) -> None:
        self.notice.say(message.text, "good")

    def on_members_read(self, message: MembersRead) -> None:
        self.model_search.read(message)
        self.path_field.look()
        self.redraw()

    def on_previewed(self, message: Previewed) -> None:
        self.path_field.previewed(message)
        self.redraw()

    def head(self, width: int) -> Row:
        origin = self.state.form.origin if self.state.form else ""
        title = "Fork" if self.fork else "New sweep" if self._is_sweep else "New run" if self.like is None else "Again"
        return self.top_bar([(" dltui", "accent bold"), (f"  {title}", "bold"), (f"   {safe(origin)}", "dim")], width)

    @property
    def _is_sweep(self) -> bool:
        return self.state.form is not None and self.state.form.is_sweep

    def status_line(self) -> str:
        return "a new run"

    def idle(self) -> Row:
        state, form = self.state, self.state.form
        if form is None:
            problem = safe(self.problem)
            return [(f" {problem}", "bad")] if problem else [(" reading the plugins ...", "accent")]
        under_way = self.start_keys.row() or self.find_keys.row()
        if under_way:
            return under_way
        if self.model_search.edit is not None:
            return [(" words of its name; ↑↓ choose, Enter takes it, Esc leaves the search", "dim")]
        setting = state.setting
        problem = ""
        if setting is not None:
            problem = form.problem(setting, state.edit.text if state.edit else None)
        problem = problem or form.first_problem()[1]
        if problem:
            return [(f" {safe(problem)}", "bad")]
        suited = values.of(form).get(setting.key) if setting is not None else None
        if state.group == "settings" and suited is not None:
            return [(f" {suited.reason}", "dim")]
        if state.group == "settings" and setting is not None:
            unit = f" ({setting.spec.unit})" if setting.spec.unit else ""
            more = "; fit: the largest that fits" if setting.can_be_found else ""
            return [(f" {safe(setting.spec.description)}{safe(unit)}{more}", "dim")]
        if self.fork:
            return [(" Enter starts the fork: weights, optimizer and position are those of the checkpoint", "faint")]
        if self._is_sweep:
            return [(" Enter asks for the number of trials, and starts the sweep", "faint")]
        whole = self.size.width >= LEAST_HINT
        return [(f" Enter starts the run{'; it goes on when you leave' if whole else ''}", "faint")]

    def _with_form(self, draw: Callable[[Loaded, int, int], list[Row]]) -> Callable[[int, int], list[Row]]:
        return lambda width, height: draw(self.state.loaded, width, height) if self.state.loaded is not None else []

    def _models(self, loaded: Loaded, width: int, height: int) -> list[Row]:
        searched = self.model_search.rows(width, height)
        return searched or choices.models(loaded.form, width, height, self.state.group == "model")

    def _devices(self, loaded: Loaded, width: int, height: int) -> list[Row]:
        state, focused, kinds = self.state, self.state.group == "device", loaded.form.kinds
        return choices.devices(loaded.devices, state.marked, state.device_at, width, height, focused, kinds)

    def _datasets(self, loaded: Loaded, width: int, height: int) -> list[Row]:
        focused = self.state.group == "dataset"
        return choices.datasets(loaded.form, loaded.present, width, height, focused, self.path_field.edit)

    def _explain(self, loaded: Loaded, width: int, height: int) -> list[Row]:
        of_data = self.state.group == "dataset"
        seen = self.path_field.rows(width, height) if of_data else []
        return seen or choices.explain(loaded.form, loaded.forecast, loaded.present, width, height, of_data)

    def _settings(self, loaded: Loaded, width: int, height: int) -> list[Row]:
        state = self.state
        focused = state.group == "settings"
        return settings_table.settings(loaded.form, state.setting_at, state.edit, width, height, focused)

    def _one_part(self, loaded: Loaded, width: int, height: int) -> list[Row]:
        draws = (self._models, self._devices, self._datasets, self._settings)
        of, explain = self._bound(loaded, draws[self.state.part]), self._bound(loaded, self._explain)
        look = self.host.look
        return compact.rows(loaded.form, self.state.group, of, explain, width, height, look.ascii or look.mono)

    @staticmethod
    def _bound(loaded: Loaded, draw: Callable[[Loaded, int, int], list[Row]]) -> Callable[[int, int], list[Row]]:
        return lambda width, height: draw(loaded, width, height)

    def _command(self, width: int, height: int) -> list[Row]:
        text = outcome.command_line(self.state.form) if self.state.form else ""
        return [fit([(" $ ", "faint"), (cut(safe(text), width - 4), "accent")], width)]

    def clicked(self, part: str, row: Row, event: Click) -> None:
        """Choose the row; a click on the chosen one types its value, or takes its next choice. While a path or a search
        is typed the lists stay as they are.
        """
        form = self.state.form
        if form is None or self.path_field.edit is not None or self.model_search.edit is not None:
            return
        assert event.widget is not None
        if self.clicks.take(part, row, event.x, event.y, event.widget.size):
            own = form.own is not None and self.path_field.begin(form.own.reference)
            if not own:
                self.action_type()
        self.notice.clear_message()
        self._changed()

    def tick(self) -> None:
        super().tick()
        self.find_keys.propose(typing=self.typing)

    def _changed(self) -> None:
        """Show what follows from other content of the form, or another place of the cursor."""
        self.path_field.look()
        self.warm_up.used()
        self.redraw()

    def _left(self) -> bool:
        """Take what is typed before the cursor moves; False where it is refused, and is still being typed."""
        return all(field.leave() for field in self.fields)

    def action_part(self, by: int) -> None:
        if self._left():
            self.state.turn_part(by)
        self._changed()

    def action_move(self, by: int) -> None:
        self.notice.clear_message()
        if self._left():
            self.state.move(by)
        self._changed()

    def action_turn(self, by: int) -> None:
        self.state.turn(by)
        self._changed()

    def action_type(self) -> None:
        if self.state.mark() or self.path_field.begin() or self.setting_field.begin():
            self._changed()

    def action_search(self) -> None:
        if self.model_search.begin():
            self.redraw()

    def action_default(self) -> None:
        if self.setting_field.put_default():
            self._changed()

    def on_key(self, event: Key) -> None:
        """Handle typing, which precedes every other meaning of a key."""
        if any(field.take_key(event) for field in self.fields):
            event.stop()
            event.prevent_default()
            self.notice.clear_message()
            if self.state.edit is None:
                self.path_field.look()
            self.redraw()

    def pasted(self, text: str) -> None:
        if any(field.take_paste(text) for field in self.fields):
            self.notice.clear_message()
            self.redraw()
        else:
            super().pasted(text)

    def action_copy(self) -> None:
        if self.state.form is not None:
            self.host.copy_to_clipboard(outcome.command_line(self.state.form))
            self.notice.say("copied, if your terminal allows it")

    def action_back(self) -> None:
        if not self.start_keys.starting:
            self.host.back()
            return
        self.notice.ask(
            "still being prepared, it starts by itself: Esc leaves the form, any other key stays",
            {"escape": self.host.back},
        )
