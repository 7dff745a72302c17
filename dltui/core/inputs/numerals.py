"""Reads numbers as people write them: decimal comma, thousands separators, percent, units; and tells gaps."""

from __future__ import annotations

import functools
import math
import re
from typing import Literal

Style = Literal["point", "comma", "grouped"]
"""1234.5, 1.234,5 and 1,234.5; spaces and apostrophes may stand for the separator of thousands."""

STYLES: tuple[Style, ...] = ("point", "comma", "grouped")
LONGEST_CELL = 1 << 24
"""The characters of a cell; Python's csv allows 131,072 unless it is told otherwise."""
MISSING = frozenset(("", "na", "n/a", "nan", "null", "?", "#n/a", "#na", "<na>", "#n/a n/a"))
"""The texts, in lowercase, of a cell without a value in any column."""
PLACEHOLDERS = (
    *("none", "nil", "-", "--", "---", "–", "—", ".", "..", "...", "n.a.", "n.a", "nd", "n/d", "tbd", "*"),
    *("missing", "unknown", "not available", "inf", "-inf", "+inf", "infinity", "-infinity"),
    *("#div/0!", "#value!", "#ref!", "#num!", "#null!", "#name?"),
)
"""Further cells that have no value in a column of numbers; in others they may mean something."""

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_BODIES: dict[Style, str] = {
    "point": rf"(?:\d+\.?\d*|\.\d+){_EXPONENT}",
    "comma": rf"(?:(?:[1-9]\d{{0,2}}(?:[.\s'’]\d{{3}})+|\d+)(?:,\d*)?|,\d+){_EXPONENT}",
    "grouped": rf"(?:(?:[1-9]\d{{0,2}}(?:[,\s'’]\d{{2,3}})*[,\s'’]\d{{3}}|\d+)(?:\.\d*)?|\.\d+){_EXPONENT}",
}
_CURRENCY = r"[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY)\b"
_UNIT = r"[%‰]|[$€£¥₹]|[A-Za-zµμΩ°][A-Za-zµμΩ°/·^%]{0,7}[23²³]?"
_PATTERNS = {
    style: re.compile(rf"(?P<before>{_CURRENCY})?\s*(?P<number>[+-]?\s?{body})\s*(?P<unit>{_UNIT})?")
    for style, body in _BODIES.items()
}


def is_missing(text: str) -> bool:
    return text.lower() in MISSING


def is_gap(text: str) -> bool:
    """True for a cell that has no value in a column of numbers."""
    return is_missing(text) or text.lower() in PLACEHOLDERS


def as_number(text: str) -> float | None:
    """A finite number in the notation of programs; None otherwise, also for underscores, which Python would allow."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


@functools.lru_cache(maxsize=10_000)
def parse(text: str, style: Style) -> tuple[float, str] | None:
    """The number and its unit, read in a given style."""
    match = _PATTERNS[style].fullmatch(text.replace("\N{MINUS SIGN}", "-"))
    if not match:
        return None
    digits = re.sub(r"[\s'’]", "", match["number"])
    if style == "comma":
        digits = digits.replace(".", "").replace(",", ".")
    number = as_number(digits.replace(",", "") if style == "grouped" else digits)
    return None if number is None else (number, match["before"] or match["unit"] or "")


def value(text: str, style: Style) -> float | None:
    """The number in a cell, written in a given style."""
    number = None if style == "comma" and "." in text else as_number(text)
    if number is not None:
        return number
    found = parse(text, style)
    return found[0] if found else None


def looks_like_number(text: str) -> bool:
    """True for a number in any style."""
    return as_number(text) is not None or any(parse(text, style) for style in STYLES)
