"""The one row where the app speaks and asks: nothing pops up over a live view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.tui.edit import LineEdit
from dltui.tui.ink import Row, fit, safe
from dltui.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.events import Key, Paste

Answer = Callable[[], None]
SECONDS = 8.0


@dataclass
class Question:
    """A question with the keys that answer it; every other key says no."""

    text: str
    answers: Mapping[str, Answer]


@dataclass
class Prompt:
    """A question answered by typing; `check` returns what is wrong, or ""."""

    text: str
    edit: LineEdit
    check: Callable[[str], str]
    done: Callable[[str], None]
    problem: str = ""


class Notice(Rows, can_focus=True):
    """Shows, in this order: a question, what was just said, and `idle()`."""

    DEFAULT_CSS = "Notice { height: 1; }"

    def __init__(self, idle: Callable[[], Row]) -> None:
        super().__init__(self._row, id="notice")
        self._idle = idle
        self._said: tuple[str, str, float] | None = None
        self._asked: Question | Prompt | None = None
        self.can_focus = False

    def say(self, text: str, style: str = "", seconds: float = SECONDS) -> None:
        """Show a line for a while."""
        self._said = (safe(text), style, self.dltui.services.clock() + seconds)
        self.redraw()

    def hush(self) -> None:
        self._said = None
        self.redraw()

    def ask(self, text: str, answers: Mapping[str, Answer]) -> None:
        """Put a question: `answers` by key."""
        self._take(Question(text, answers))

    def prompt(self, text: str, value: str, check: Callable[[str], str], done: Callable[[str], None]) -> None:
        """Let somebody type a value."""
        self._take(Prompt(text, LineEdit.of(value), check, done))

    @property
    def asking(self) -> bool:
        return self._asked is not None

    def _take(self, asked: Question | Prompt) -> None:
        self._asked = asked
        self._before = self.screen.focused
        self.can_focus = True
        self.focus()
        self.redraw()

    def _leave(self) -> None:
        self._asked = None
        self.can_focus = False
        self.screen.set_focus(self._before if self._before is not self else None)
        self.redraw()

    def on_key(self, event: Key) -> None:
        asked = self._asked
        if asked is None or event.key in ("ctrl+c", "ctrl+z"):
            return
        event.stop()
        event.prevent_default()
        if isinstance(asked, Question):
            answer = asked.answers.get(event.key)
            self._leave()
            if answer is not None:
                answer()
            return
        self._typed(asked, event)

    def _typed(self, asked: Prompt, event: Key) -> None:
        if event.key == "escape":
            self._leave()
        elif event.key == "enter":
            asked.problem = asked.check(asked.edit.text)
            if not asked.problem:
                self._leave()
                asked.done(asked.edit.text)
        elif asked.edit.key(event.key, event.character):
            asked.problem = asked.check(asked.edit.text) if asked.edit.text else ""
        self.redraw()

    def on_paste(self, event: Paste) -> None:
        if isinstance(self._asked, Prompt):
            self._asked.edit.insert(safe(event.text))
            self.redraw()

    def _row(self, width: int, height: int) -> list[Row]:
        asked = self._asked
        if isinstance(asked, Question):
            return [fit([(" " + asked.text, "bold accent")], width)]
        if isinstance(asked, Prompt):
            row: Row = [(f" {asked.text} ", "bold accent"), *asked.edit.row("bold", 24)]
            end = ("  " + asked.problem, "bad") if asked.problem else ("  Enter sets it, Esc does not", "dim")
            return [fit([*row, end], width)]
        if self._said is not None:
            text, style, until = self._said
            if self.dltui.services.clock() < until:
                return [fit([(" " + text, style)], width)]
            self._said = None
        return [fit(self._idle(), width)]
