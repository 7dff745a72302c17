"""Makes text from other sources safe to show: on a terminal, in a narrow column, in XML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

ELLIPSIS = "…"


# C0, DEL, C1, line and paragraph separators, bidi controls, invisible formatting, fillers, lone surrogates and
# noncharacters.
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\ud800-\udfff"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


# The two joiners are left alone between characters of scripts that need them.
_JOINER = re.compile("(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])")
_SPACE = re.compile(r"[ \t\n\r\x0b\x0c]+")
# All characters that XML 1.0 does not have: named one by one, since the rest of Unicode takes 9 ms to compile.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


_SGR = re.compile(r"\x1b\[[0-9;]*m")


def without_sgr(text: str) -> str:
    """A text without the codes (SGR) by which a library that printed it gave it colors."""
    return _SGR.sub("", text)


def clean(text: object, limit: int = 10_000) -> str:
    """Control and invisible characters as visible escapes (`\\x1b`, `\\u202e`); newlines stay, tabs become spaces.

    At most `limit` characters, the last an ellipsis when something was cut off. Cleaning twice changes nothing.
    """
    cut = str(text)
    longer = len(cut) > limit
    # What is far beyond the limit need not be looked at.
    cut = cut[: limit + 1].replace("\r\n", "\n").replace("\t", "    ")
    if not cut.isascii() or not cut.isprintable():
        cut = _JOINER.sub(_escape, _HIDDEN.sub(_escape, cut))
    if longer or len(cut) > limit:
        cut = cut[: max(limit - 1, 0)] + ELLIPSIS[:limit]
    return cut


def one_line(text: str) -> str:
    """`clean` in one line in which every space stays, as in a row of a table."""
    return clean(" ".join(text.splitlines()))


def clean_line(text: object, limit: int = 10_000) -> str:
    """`clean` in one line: every run of white space is one space."""
    return clean(_SPACE.sub(" ", str(text)[: 2 * limit]).strip(), limit)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """The number of terminal cells that clean text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """The text in at most `width` terminal cells; a shortened text ends with an ellipsis."""
    if _fits(text, width):
        return text
    room = width - sum(map(_cells, ellipsis))
    if room < 0:
        return ""
    kept = 0
    for position, character in enumerate(text):
        kept += _cells(character)
        if kept > room:
            return text[:position] + ellipsis
    return text


def _fits(text: str, cells: int) -> bool:
    return width(text) <= cells


def xml_text(text: object) -> str:
    """The text without the characters that XML 1.0 forbids; the caller escapes `<` and `&`."""
    return _NOT_XML.sub("", str(text))


FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Beginnings of what a spreadsheet takes for a formula."""


def cell(text: object) -> str:
    """A text as a cell of a CSV file: clean, and one that a spreadsheet would calculate marked as text by a quote."""
    found = clean(text)
    return f"'{found}" if found.lstrip("'").startswith(FORMULA) else found


def from_cell(text: str) -> str:
    """The clean text that `cell` was given."""
    return text[1:] if text[:1] == "'" and text.lstrip("'").startswith(FORMULA) else text


def plural(number: int, word: str, many: str = "") -> str:
    """A count with its noun: `1 line`, `12,345 lines`, `2 classes`."""
    return f"{number:,} {word if number == 1 else many or word + 's'}"


def suggest(word: str, choices: Iterable[str], before: str = "") -> str:
    """A suggestion, `did you mean cnn-torch?`, or "" when no choice is similar. `before` is put before the choices."""
    import difflib

    # Without the dashes, which make all options alike.
    by_letters = {choice.lstrip("-").lower(): choice for choice in choices}
    lower = word.lstrip("-").lower()
    # Two that are very close, or else one that is less so.
    close = difflib.get_close_matches(lower, by_letters, n=2, cutoff=0.7)
    close = close or difflib.get_close_matches(lower, by_letters, n=1, cutoff=0.6)
    if not close and len(lower) >= 3:
        close = [choice for choice in by_letters if choice.startswith(lower)][:2]
    return f"did you mean {' or '.join(before + by_letters[choice] for choice in close)}?" if close else ""


LONGEST = 1_000


def safe(text: object) -> str:
    """A text from any source as a single line without control characters."""
    string = str(text)
    if string.isascii() and string.isprintable() and len(string) < LONGEST and "  " not in string:
        return string

    return clean_line(string)
