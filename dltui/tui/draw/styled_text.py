"""Rows of styled text as plain data: returned by every pure drawing function and read by every test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len

Span = tuple[str, str]
"""Text and the words of its style, like ("91.77 %", "bold best"); theme.py knows the words."""


Row = list[Span]


# One letter for one sign, so that nothing moves.
SIGNS = "─│┤├┬┴┼┌┐└┘━╸›●○★·…×→←↑↓▲▼°█▁▂▃▄▅▆▇"
LETTERS = "-|||+++++++##>oo*-~x><^v^v #___--=="
ASCII = dict(zip(SIGNS, LETTERS, strict=True)) | {"±": "+/-"}

_NARROW = re.compile("[ -~°±·×›…←-↕─-▟■-◡★⠀-⣿]*").fullmatch
"""What almost all text on a screen consists of: printable letters of one cell."""


def is_narrow(text: str) -> bool:
    """True if each letter is known to take one cell, as almost all do."""
    return _NARROW(text) is not None


def width(text: str) -> int:
    """The width of a text in terminal cells."""
    return len(text) if _NARROW(text) else cell_len(text)


def plain(rows: Iterable[Row]) -> list[str]:
    """The rows as text without styles."""
    return ["".join(text for text, _ in row) for row in rows]


def cells(row: Row) -> int:
    """The width of a row in terminal cells."""
    whole = "".join([text for text, _ in row])
    return len(whole) if _NARROW(whole) else sum([width(text) for text, _ in row])


def cut(text: str, size: int) -> str:
    """The text in at most `size` cells, shortened with an ellipsis."""
    if width(text) <= size:
        return text
    from dltui.core.text import shorten

    return shorten(text, size) if size > 0 else ""


def cut_left(text: str, size: int) -> str:
    """The end of the text in at most `size` cells, because the end distinguishes file names."""
    if width(text) <= size:
        return text
    kept = text
    while kept and width(kept) >= size:
        kept = kept[1:]
    return f"…{kept}" if size > 0 else ""


def cut_words(text: str, size: int) -> str:
    """The text in at most `size` cells, cut between words."""
    if width(text) <= size:
        return text
    short = cut(text, size)[:-1]
    return (short.rpartition(" ")[0] or short).rstrip(" ,;:(") + "…"


def left(text: str, size: int) -> str:
    """The text in exactly `size` cells, left-aligned."""
    text = cut(text, size)
    return text + " " * (size - width(text))


def right(text: str, size: int) -> str:
    """The text in exactly `size` cells, right-aligned."""
    text = cut(text, size)
    return " " * (size - width(text)) + text


def one_line(text: str) -> str:
    """See `core.text.one_line`, which is not needed for the first frame."""
    from dltui.core import text as core_text

    return core_text.one_line(text)


def fit(row: Row, size: int) -> Row:
    """The row cut or filled to exactly `size` cells. Everything on a screen comes by here, so that no control
    character can reach the terminal by another way."""
    whole = "".join([text for text, _ in row])
    if len(whole) < size and _NARROW(whole):
        return [*row, (" " * (size - len(whole)), "")]
    if len(whole) == size and row and row[-1][0] and _NARROW(whole):
        return row
    result: Row = []
    rest = size
    for text, style in row:
        if rest <= 0:
            break
        if not text.isprintable():
            text = one_line(text)
        if width(text) > rest:
            text = cut(text, rest)
        result.append((text, style))
        rest -= width(text)
    if rest > 0:
        result.append((" " * rest, ""))
    return result


def ends(start: Row, end: Row, size: int) -> Row:
    """A row with a part at each end; the start is shortened when both do not fit with a blank between them."""
    room = max(size - cells(end), 0)
    first, last = fit(start, room), fit(end, size - room)
    if room and plain([first])[0][-1:].strip() and plain([last])[0][:1].strip():
        first = fit(fit(start, room - 1), room)
    return first + last


def beside(parts: Sequence[tuple[Sequence[Row], int]], height: int, between: Span = ("", "")) -> list[Row]:
    """Blocks of rows side by side, each with its width."""
    rows: list[Row] = []
    for line in range(height):
        row: Row = []
        for number, (block, size) in enumerate(parts):
            if number and between[0]:
                row.append(between)
            row += fit(list(block[line]) if line < len(block) else [], size)
        rows.append(row)
    return rows


def on(row: Row, style: str) -> Row:
    """The row with another style word added to all of it."""
    return [(text, f"{old} {style}".strip()) for text, old in row]


def rule(size: int, title: str = "") -> Row:
    """A horizontal line with a title in it."""
    if not title:
        return [("─" * size, "rule")]
    head: Row = [("── ", "rule"), (cut(title, size - 6), "heading"), (" ", "rule")]
    return [*head, ("─" * (size - cells(head)), "rule")]


def to_ascii(text: str) -> str:
    """The text for a terminal without UTF-8, with one-letter substitutes where possible, so that its length stays."""
    if text.isascii():
        return text
    return "".join(letter if letter.isascii() else ASCII.get(letter, "?") for letter in text)


def merge(row: Iterable[Span]) -> Row:
    """A row with neighboring spans of the same style joined."""
    merged: list[tuple[list[str], str]] = []
    for text, style in row:
        if merged and merged[-1][1] == style:
            merged[-1][0].append(text)
        else:
            merged.append(([text], style))
    return [("".join(texts), style) for texts, style in merged]


class Look(NamedTuple):
    """The terminal's abilities that drawing depends on: ASCII letters only, no colors, or only the terminal's 16
    colors. Where it shows images, `number` gives it an image uint8 (h, w, 3) for a box of (columns, rows) cells, whose
    rows then are spaces in the style `image:NUMBER:ROW`.
    """

    ascii: bool = False
    mono: bool = False
    few: bool = False
    number: Callable[[Any, int, int], int] | None = None

    def mark(self, mark: str) -> str:
        """The mark of a curve; the dash of a line becomes a dot where letters draw the line."""
        return "." if self.ascii and mark == "━" else mark


def bar(fraction: float, size: int, style: str = "accent") -> Row:
    """A bar of exactly `size` cells, in half cells, empty for NaN; the screen turns it into # and - where it has to."""
    known = fraction if fraction == fraction else 0.0
    halves = int(min(max(known, 0.0), 1.0) * size * 2 + 1e-9)
    full, half = divmod(halves, 2)
    return [("━" * full + "╸" * half, style), ("─" * (size - full - half), "empty")]


def window(count: int, chosen: int, height: int) -> range:
    """The visible part of a list, around the chosen entry."""
    first = min(max(0, chosen - height + 1), max(0, count - height))
    return range(first, min(count, first + height))
