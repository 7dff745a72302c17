"""Lists every key of a page, made from its bindings; typing filters them, Enter triggers the chosen action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from dltui.core.text import safe
from dltui.core.text import width as cells_of
from dltui.tui.base.line_edit import LineEdit
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.draw.styled_text import Row, cut_words, fit, left, on, window

if TYPE_CHECKING:
    from textual.app import App
    from textual.events import Key
    from textual.widget import Widget

KEYS = {
    "question_mark": "?",
    "comma": ",",
    "equals_sign": "=",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "slash": "/",
    "percent_sign": "%",
    "number_sign": "#",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "shift+left": "Shift-Left",
    "shift+right": "Shift-Right",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "space": "Space",
    "backspace": "Backspace",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
}


@dataclass(frozen=True)
class Action:
    """A binding: its keys as people write them, and its action."""

    keys: str
    label: str
    explanation: str
    action: str
    page: str


def actions(page: Page, app: App[object]) -> list[Action]:
    """The actions of a page: its own keys, then those that work everywhere."""
    found = _of(_declared(type(page)), page.name_of_page)
    return found + _of(_declared(type(app)), "Everywhere")


def _declared(owner: type) -> list[Binding]:
    """The bindings of a class and its bases; a key that a subclass declares again counts there."""
    found: dict[str, Binding] = {}
    for cls in reversed(owner.__mro__):
        for binding in cls.__dict__.get("BINDINGS", ()):
            # Ours have an id; Textual's own are replaced by ours.
            if isinstance(binding, Binding) and binding.id:
                found[binding.key] = binding
    return list(found.values())


def _of(bindings: Iterable[Binding], page: str) -> list[Action]:
    found = []
    for binding in bindings:
        keys = (binding.key_display or binding.key).split(",")
        names = " ".join(map(key_name, keys))
        found.append(Action(names, binding.description, binding.tooltip or "", binding.action, page))
    return found


def key_name(key: str) -> str:
    """The display name of a key: `Ctrl-P` for "ctrl+p"."""
    if key in KEYS:
        return KEYS[key]
    return f"Ctrl-{key[5:].upper()}" if key.startswith("ctrl+") else key


def _visible(found: Sequence[Action], chosen: int, room: int) -> range:
    """The actions around the chosen one that fit into so many rows with the headings of their pages."""
    shown = window(len(found), chosen, room - 1)
    headings = len({found[number].page for number in shown})
    return window(len(found), chosen, room - headings)


def _with_last(rows: list[Row], explanation: str, room: int, height: int) -> list[Row]:
    """The rows with the complete explanation of the chosen action in the last row where the list has cut it."""
    empty: list[Row] = [[] for _ in range(height - 1 - len(rows))]
    return [*rows, *empty, [(f"   {explanation}", "accent")] if cells_of(explanation) > room else []]


class HelpPage(Page):
    """The list of all keys of the page below it."""

    name_of_page = "All keys"
    least = (40, 10)
    keys = (("type", "to filter"), ("Up Down", "choose"), ("Enter", "do it"), ("Esc", "back"))
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "back", "back"),
        bind("enter", "choose", "do the chosen one"),
        bind("down", "move(1)", "down"),
        bind("up", "move(-1)", "up"),
        bind("pagedown", "move(10)", "ten down"),
        bind("pageup", "move(-10)", "ten up"),
    ]

    def __init__(self, page: Page, typing: bool) -> None:
        super().__init__()
        self.page = page
        self.typing = typing
        self.filter = LineEdit()
        self.chosen = 0

    def body(self) -> Iterable[Widget]:
        yield Rows(self._list, id="list")

    def head(self, width: int) -> Row:
        what = f"all keys of {self.page.name_of_page}" if not self.typing else "all actions"
        return self.top_bar([(" dltui", "accent bold"), (f"  {what}", "bold")], width)

    def idle(self) -> Row:
        if not self.filter.text and not self.typing:
            return [(" typing filters the list; with the mouse on, Shift+drag still selects text", "faint")]
        return [(" filter ", "dim"), *self.filter.row("bold", 40)]

    def found(self) -> list[Action]:
        """The actions whose words contain all that was typed."""
        words = self.filter.text.lower().split()
        return [
            action
            for action in actions(self.page, self.app)
            if all(word in f"{action.keys} {action.label} {action.explanation}".lower() for word in words)
        ]

    def _list(self, width: int, height: int) -> list[Row]:
        found = self.found()
        if not found:
            return [[], [("   no match; Backspace deletes a letter", "dim")]]
        self.chosen = min(self.chosen, len(found) - 1)
        # Of all actions, so that nothing moves while one types.
        everything = actions(self.page, self.app)
        keys, labels = (
            max(map(len, texts)) + 2 for texts in zip(*((a.keys, a.label) for a in everything), strict=True)
        )
        rows: list[Row] = []
        last = ""
        for number in _visible(found, self.chosen, height - 1):
            action = found[number]
            if action.page != last:
                rows.append([(f" {action.page.upper()}", "dim")])
                last = action.page
            picked = number == self.chosen
            row: Row = [(" › " if picked else "   ", "accent bold"), (left(action.keys, keys), "key bold")]
            row += [
                (left(action.label, labels), "bold" if picked else ""),
                (cut_words(action.explanation, width - keys - labels - 4), "dim"),
            ]
            row = fit(row, width)
            rows.append(on(row, "selected") if picked else row)
        return _with_last(rows, found[self.chosen].explanation, width - keys - labels - 4, height)

    def on_key(self, event: Key) -> None:
        if event.key in ("question_mark", "q") and not self.typing and not self.filter.text:
            event.stop()
            event.prevent_default()
            self.action_back()
        elif self.filter.key(event.key, event.character) and event.key not in ("up", "down", "enter", "escape"):
            self.chosen = 0
            event.stop()
            event.prevent_default()
            self.redraw()

    def pasted(self, text: str) -> None:
        self.filter.insert(safe(text))
        self.chosen = 0
        self.redraw()

    def action_move(self, by: int) -> None:
        self.chosen = min(max(self.chosen + by, 0), max(len(self.found()) - 1, 0))
        self.redraw()

    def action_back(self) -> None:
        self.host.back()

    async def action_choose(self) -> None:
        found = self.found()
        self.host.back()
        if found:
            page, name = self.page, found[self.chosen].action
            # After the page below is on top again: the action may open another one.
            self.app.call_later(lambda: page.run_action(name))
