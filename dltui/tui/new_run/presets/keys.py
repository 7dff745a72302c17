"""The keys that save the form under a name, and fill it with what was saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.message import Message

from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms.saved import SavedForm
from dltui.core.rundir.names import check_run_name
from dltui.core.text import safe
from dltui.tui.base.page import press
from dltui.tui.base.threads import Failed, Told, in_thread
from dltui.tui.draw.styled_text import cut
from dltui.tui.new_run.presets import filling

if TYPE_CHECKING:
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.new_run.state import FormState

PRESET_KEYS = (
    press("W", "save as preset", "save the filled form under a name"),
    press("L", "load preset", "fill the form with what was saved under a name; Up and Down go through the names"),
)
"""For the bindings of a page that has `PresetKeys`."""


class FormsRead(Message):
    """A message with the saved forms."""

    def __init__(self, forms: Mapping[str, SavedForm]) -> None:
        super().__init__()
        self.forms = forms


class NameTaken(Failed):
    """A message that another form is saved under the name; `save` puts this one in its place."""

    def __init__(self, name: str, save: Callable[[], None]) -> None:
        super().__init__("save", f"{name} is another form, not saved")
        self.name, self.save = name, save


class PresetKeys:
    """Handles PRESET_KEYS."""

    def __init__(self, page: Page, state: FormState, changed: Callable[[], None]) -> None:
        """`changed` is called when the form has other content."""
        self._page, self._state, self._changed = page, state, changed
        self.answers: dict[str, Answer] = {"W": self.save, "L": self.load}

    def save(self) -> None:
        form, services = self._state.form, self._page.host.services
        if form is None or form.parent is not None:
            return
        self._state.take()
        choices, carry_out = filling.saved(form), self._page.host.carry_out

        def save(name: str, instead: bool) -> Message:
            if not instead and services.catalog.holds_another(name, choices):
                return NameTaken(name, lambda: begin(name, instead=True))
            services.catalog.save_form(name, choices)
            return Told(f"saved as {name}; L fills the form with it again")

        def begin(name: str, instead: bool = False) -> None:
            carry_out(self._page, "save", lambda: save(name, instead))

        self._page.notice.prompt("save this form as", "", _name_problem, begin)

    def taken(self, message: NameTaken) -> None:
        """Ask whether the other form is to be replaced."""
        self._page.notice.ask(
            f"{safe(message.name)} is another form: Enter replaces it, any other key keeps it", {"enter": message.save}
        )

    def load(self) -> None:
        """Read the saved forms, and ask which one."""
        services = self._page.host.services
        if self._state.form is not None and self._state.form.parent is None:
            in_thread(self._page, "load", lambda: FormsRead(services.catalog.forms()))

    def read(self, message: FormsRead) -> None:
        names = list(message.forms)
        if not names:
            self._page.notice.say("no presets yet: W saves this form under a name", "warn")
            return

        def step(text: str, by: int) -> str:
            at = names.index(text) if text in names else min(by, 0)
            return names[(at - by) % len(names)]

        self._page.notice.prompt(
            f"fill in preset ({cut(', '.join(map(safe, names)), 28)})",
            names[-1],
            lambda text: "" if text in message.forms else "no such preset",
            lambda text: self._fill(text, message.forms[text]),
            step=step,
        )

    def _fill(self, name: str, saved: SavedForm) -> None:
        """Fill the whole form, or with a reason leave it as it is."""
        form = self._state.form
        if form is None:
            return
        try:
            self._state.replace(filling.filled(form, safe(name), saved))
        except UsageError as error:
            self._page.notice.say(f"{safe(name)}: {error}", "bad")
        self._changed()


def _name_problem(text: str) -> str:
    try:
        check_run_name(text)
    except UsageError as error:
        return str(error)
    return ""
