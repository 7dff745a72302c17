"""One boundary for every string that we did not write: nothing in it can steer a terminal or break an SVG."""

from __future__ import annotations

import unicodedata

# Joiners shape letters in several scripts; every other invisible character can hide or reorder what is shown.
JOINERS = "\u200c\u200d"
HARMLESS = {"Zs", "Co"}


def clean(text: object, limit: int = 10_000) -> str:
    """`text` with control, bidi, invisible and surrogate characters as visible escapes (`\\x1b`); newlines and tabs
    stay. At most `limit` characters, an ellipsis where it was cut."""
    string = str(text)
    if len(string) > limit:
        string = string[: limit - 1] + "…"
    if string.isprintable():
        return string
    return "".join(character if _harmless(character) else _escape(character) for character in string)


def clean_line(text: object, limit: int = 10_000) -> str:
    """As `clean`, on one line: newlines, returns and tabs become single spaces."""
    string = str(text)[: 2 * limit]
    return clean(" ".join(string.split()) if any(c in string for c in "\n\r\t\v\f") else string, limit)


def _harmless(character: str) -> bool:
    if character in "\n\t" or character in JOINERS or character.isprintable():
        return True
    return unicodedata.category(character) in HARMLESS


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cells(text: str) -> int:
    """How many terminal cells a cleaned text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or character in JOINERS or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, width: int, ellipsis: str = "…") -> str:
    """A cleaned text that fits `width` cells, with an ellipsis where it was cut."""
    if cells(text) <= width:
        return text
    if width <= cells(ellipsis):
        return ellipsis[: max(width, 0)]
    room = width - cells(ellipsis)
    kept = ""
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return kept + ellipsis


def xml_text(text: object, limit: int = 10_000) -> str:
    """A cleaned text without the characters that XML 1.0 forbids; markup still has to be escaped by the writer."""
    return "".join(
        c
        for c in clean(text, limit)
        if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or ord(c) >= 0xE000
        if ord(c) not in (0xFFFE, 0xFFFF)
    )
