"""A line of text being typed, and the questions that the notice row can put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dltui.tui.draw.styled_text import Row, cut, one_line

Answer = Callable[[], None]
LONGEST = 4_096
"""The most letters of a typed line: as many as a path may have."""


@dataclass
class LineEdit:
    """A text and the position of the cursor in it. While it is `fresh`, typing replaces the text; any other key edits
    it.
    """

    text: str = ""
    at: int = 0
    fresh: bool = False

    @classmethod
    def of(cls, text: str) -> LineEdit:
        return cls(text, len(text))

    @classmethod
    def over(cls, text: str) -> LineEdit:
        """A line with a value that is likely to be replaced."""
        return cls(text, len(text), fresh=bool(text))

    def key(self, key: str, character: str | None) -> bool:
        """Handle a key; True if it has a meaning here."""
        if character and character.isprintable() and len(character) == 1:
            self.insert(character)
            return True
        moves = {"left": self.at - 1, "right": self.at + 1, "home": 0, "ctrl+a": 0}
        moves |= {"end": len(self.text), "ctrl+e": len(self.text)}
        if key in moves:
            self.at = min(max(moves[key], 0), len(self.text))
        elif key in ("backspace", "ctrl+h"):
            self.text = self.text[: max(self.at - 1, 0)] + self.text[self.at :]
            self.at = max(self.at - 1, 0)
        elif key == "delete":
            self.text = self.text[: self.at] + self.text[self.at + 1 :]
        elif key == "ctrl+u":
            self.text, self.at = self.text[self.at :], 0
        else:
            return False
        self.fresh = False
        return True

    def insert(self, text: str) -> None:
        if self.fresh:
            self.text, self.at, self.fresh = "", 0, False
        text = text[: max(LONGEST - len(self.text), 0)]
        self.text = self.text[: self.at] + text + self.text[self.at :]
        self.at += len(text)

    def paste(self, text: str) -> None:
        """Insert pasted text as one line, with its blanks: it may be the middle of what is typed."""
        self.insert(one_line(text.strip("\r\n")))

    def row(self, style: str, size: int) -> Row:
        """The text with its cursor; the whole text is marked while typing would replace it."""
        start = max(0, self.at - size + 2)
        before, under, after = self.text[start : self.at], self.text[self.at : self.at + 1], self.text[self.at + 1 :]
        if self.fresh:
            return [(before, f"{style} reverse"), (" ", style)]
        return [(before, style), (under or " ", f"{style} reverse"), (cut(after, size - len(before) - 1), style)]


@dataclass
class Question:
    """A question with the keys that answer it; every other key means no."""

    text: str
    answers: Mapping[str, Answer]


@dataclass
class Prompt:
    """A question answered by typing; `check` returns the problem of the text, or ""."""

    text: str
    edit: LineEdit
    check: Callable[[str], str]
    done: Callable[[str], None]
    live: Callable[[str], None] | None = None
    """Called with the text after each key, and with what stood there first when nothing is to be changed."""
    step: Callable[[str, int], str] | None = None
    """Changes the text for Up (1) and Down (-1)."""
    complete: Callable[[str], str] | None = None
    """Completes the text for Tab."""
    problem: str = ""
    first: str = ""
