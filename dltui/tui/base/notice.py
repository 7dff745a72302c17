"""The row in which the app shows messages and asks questions: nothing pops up over a live view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.core.text import width as cells_of
from dltui.tui.base.rows import Rows
from dltui.tui.draw.printed import told
from dltui.tui.draw.styled_text import Row, cells, cut, fit

if TYPE_CHECKING:
    from textual.events import Key, Paste
    from textual.widget import Widget

    from dltui.tui.base.line_edit import Answer, Prompt, Question

SECONDS = 8.0
MOST_ROWS = 6
"""The most rows of a message: its text is worth more than the end of a list above it."""
LEAST_ASKED = 12
"""The fewest cells of what is asked: with fewer the problem of what is typed gets rows of its own."""


class Notice(Rows, can_focus=True):
    """Shows, in this order: a question, the last message, and `idle()`."""

    DEFAULT_CSS = "Notice { height: 1; }"

    def __init__(self, idle: Callable[[], Row]) -> None:
        super().__init__(self._row, id="notice")
        self._idle = idle
        self._said: tuple[str, str, float] | None = None
        self._question: Question | None = None
        self._prompt: Prompt | None = None
        self._later: list[tuple[Question | None, Prompt | None]] = []
        """What comes while another question is open, such as one that a thread has prepared."""
        self._before: Widget | None = None
        self._rows_shown: list[Row] = []
        self.can_focus = False

    def say(self, text: str, style: str = "", seconds: float = SECONDS) -> None:
        """Show a line for a while."""
        self._said = (safe(text), style, self.host.services.clock.passed() + seconds)
        self.redraw()

    def redraw(self) -> None:
        """Take as many rows as what was said needs, then draw."""
        width = self.screen.size.width if self.is_attached else 0
        self._rows_shown = (self._asked_rows(width) or self._said_rows(width)) if width else []
        wanted = max(len(self._rows_shown), 1)
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted
        super().redraw()

    def clear_message(self) -> None:
        self._said = None
        self.redraw()

    def ask(self, text: str, answers: Mapping[str, Answer]) -> None:
        """Ask a question: `answers` by key; every other key means no."""
        from dltui.tui.base.line_edit import Question

        self._put(Question(text, answers), None)

    def prompt(
        self,
        text: str,
        value: str,
        check: Callable[[str], str],
        done: Callable[[str], None],
        live: Callable[[str], None] | None = None,
        step: Callable[[str, int], str] | None = None,
        complete: Callable[[str], str] | None = None,
    ) -> None:
        """Let the user change a value: `check` returns the problem with it, or ""; `live` is called on each change;
        `step` changes it for Up and Down, `complete` for Tab.
        """
        from dltui.tui.base.line_edit import LineEdit, Prompt

        self._put(None, Prompt(text, LineEdit.over(value), check, done, live, step, complete, first=value))

    @property
    def asking(self) -> bool:
        return self._question is not None or self._prompt is not None

    def _put(self, question: Question | None, prompt: Prompt | None) -> None:
        """Ask, or wait until the user has left what is open: what is being typed is no answer to another question."""
        if self.asking:
            self._later.append((question, prompt))
            return
        self._question, self._prompt = question, prompt
        self._before = self.screen.focused
        self.can_focus = True
        self.focus()
        self.redraw()

    def _leave(self) -> None:
        self._question = self._prompt = None
        self.can_focus = False
        self.screen.set_focus(self._before)
        self.redraw()

    def on_key(self, event: Key) -> None:
        if not self.asking or event.key in ("ctrl+c", "ctrl+z"):
            return
        event.stop()
        event.prevent_default()
        if self._question is not None:
            answer = self._question.answers.get(event.key)
            self._leave()
            if answer is not None:
                answer()
        elif self._prompt is not None:
            self._typed(self._prompt, event)
        if self._later and not self.asking:
            self._put(*self._later.pop(0))

    def _typed(self, prompt: Prompt, event: Key) -> None:
        if event.key == "escape":
            self._leave()
            if prompt.live is not None:
                prompt.live(prompt.first)
        elif event.key == "enter":
            text = prompt.edit.text.strip()
            prompt.problem = prompt.check(text)
            if not prompt.problem:
                self._leave()
                prompt.done(text)
        elif prompt.step is not None and event.key in ("up", "down"):
            prompt.edit.text = prompt.step(prompt.edit.text, 1 if event.key == "up" else -1)
            prompt.edit.at = len(prompt.edit.text)
            prompt.problem = prompt.check(prompt.edit.text)
        elif prompt.complete is not None and event.key == "tab":
            prompt.edit = prompt.edit.of(prompt.complete(prompt.edit.text))
            prompt.problem = ""
        elif prompt.edit.key(event.key, event.character):
            _edited(prompt)
        self.redraw()

    def on_paste(self, event: Paste) -> None:
        if self._prompt is not None:
            self._prompt.edit.paste(event.text)
            _edited(self._prompt)
            self.redraw()

    def _row(self, width: int, height: int) -> list[Row]:
        return [fit(row, width) for row in self._rows_shown]

    def _asked_rows(self, width: int) -> list[Row]:
        """The open question or prompt; no rows without one."""
        if self._question is not None:
            return _question_rows(self._question, width)
        return _prompt_rows(self._prompt, width) if self._prompt is not None else []

    def _said_rows(self, width: int) -> list[Row]:
        """The last message, over as many rows as it takes, or `idle()` when it is over."""
        if self._said is not None and self.host.services.clock.passed() >= self._said[2]:
            self._said = None
        if self._said is None:
            return self._idle_rows(width)
        text, style, _ = self._said
        return told(text, style, width)[:MOST_ROWS]

    def _idle_rows(self, width: int) -> list[Row]:
        """What `idle()` says; a problem over more rows than one, but no more than leave what has it on the screen."""
        row = self._idle()
        if len(row) != 1 or row[0][1] != "bad":
            return [row]
        most = min(MOST_ROWS, max(self.screen.size.height // 3, 1))
        return told(row[0][0].strip(), "bad", width)[:most]


def _edited(prompt: Prompt) -> None:
    """Check the changed text and report it to `live`."""
    prompt.problem = prompt.check(prompt.edit.text.strip()) if prompt.edit.text else ""
    if prompt.live is not None:
        prompt.live(prompt.edit.text)


def _question_rows(question: Question, width: int) -> list[Row]:
    """The question over as many rows as it takes: its answers stand at its end."""
    return told(question.text, "bold accent", width)[:MOST_ROWS]


def _prompt_rows(prompt: Prompt, width: int) -> list[Row]:
    """What is asked and what is typed; the problem with that beside it, or below where both would be cut."""
    typed = prompt.edit.row("bold", 24)
    problem = f"  {prompt.problem}"
    beside = width - cells(typed) - cells_of(problem) - 2
    if prompt.problem and beside >= min(cells_of(prompt.text), LEAST_ASKED):
        return [[(f" {cut(prompt.text, beside)} ", "bold accent"), *typed, (problem, "bad")]]
    # What is typed is worth more than the end of what is asked.
    asked: Row = [(f" {cut(prompt.text, max(width - cells(typed) - 3, LEAST_ASKED))} ", "bold accent"), *typed]
    if not prompt.problem:
        return [[*asked, ("  Enter ok, Esc cancel", "dim")]]
    return [asked, *told(prompt.problem, "bad", width)[: MOST_ROWS - 1]]
