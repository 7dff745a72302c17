"""Recognizes the usual ways to write numbers: decimal comma, thousands separators, percent, units, gaps."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["point", "comma", "grouped"]
"""1234.5, 1.234,5 and 1,234.5; spaces and apostrophes may stand for the separator of thousands."""

STYLES: tuple[Style, ...] = ("point", "comma", "grouped")
TOLD: dict[Style, str] = {"point": "", "comma": "decimal comma", "grouped": "thousands separators"}
MISSING = frozenset(("", "na", "n/a", "nan", "null", "?", "#n/a", "#na", "<na>", "#n/a n/a"))
"""The texts, in lowercase, of a cell without a value in any column."""
PLACEHOLDERS = (
    *("none", "nil", "-", "--", "---", "–", "—", ".", "..", "...", "n.a.", "n.a", "nd", "n/d", "tbd", "*"),
    *("missing", "unknown", "not available", "inf", "-inf", "+inf", "infinity", "-infinity"),
    *("#div/0!", "#value!", "#ref!", "#num!", "#null!", "#name?"),
)
"""Further cells that have no value in a column of numbers; in others they may mean something."""
MOST_ODD = 0.05
"""The part of a column's cells that may be no number in a column of numbers."""
FEW_NUMBERS = 10
"""The number of different numbers up to which a column may consist of codes."""
KEPT_ODD = 20

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
_GROUPED_BY_POINT = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")


def is_missing(text: str) -> bool:
    return text.lower() in MISSING


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


def looks_like_number(text: str) -> bool:
    return as_number(text) is not None or any(parse(text, style) for style in STYLES)


@dataclass(slots=True)
class Odd:
    """The cells that are not numbers: how many, and the line of each different text, for the first of them."""

    count: int = 0
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, line: int) -> None:
        self.count += 1
        if len(self.lines) < KEPT_ODD:
            self.lines.setdefault(text, line)

    def merge(self, other: Odd) -> None:
        """Add the counts of another part of the column."""
        self.count += other.count
        merged = {**other.lines, **self.lines}
        self.lines = dict(sorted(merged.items(), key=lambda item: item[1])[:KEPT_ODD])


@dataclass(slots=True)
class Reading:
    """The statistics of a column if its numbers are written in a given style."""

    count: int = 0
    least: float = math.inf
    most: float = -math.inf
    whole: bool = True
    total: float = 0.0
    counting: bool = True
    odd: Odd = field(default_factory=Odd)
    """Cells that are no number then."""

    def add(self, number: float) -> None:
        if self.counting and self.count and number != self.least + self.count:
            self.counting = False
        if self.whole and not number.is_integer():
            self.whole = False
        if number < self.least:
            self.least = number
        if number > self.most:
            self.most = number
        self.count += 1
        self.total += number

    def merge(self, other: Reading) -> None:
        """Add the counts of another part of the column; its order counts only if this part is empty."""
        if not other.count:
            return
        self.counting = other.counting if not self.count else False
        self.count, self.total = self.count + other.count, self.total + other.total
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        self.whole = self.whole and other.whole


@dataclass
class Numerals:
    """The cells of a column read as numbers; `decide` chooses the style in which they are written."""

    readings: dict[Style, Reading] = field(default_factory=lambda: {style: Reading() for style in STYLES})
    units: dict[str, int] = field(default_factory=dict)
    empty: Odd = field(default_factory=Odd)
    """Placeholders, which say that there is no number."""
    style: Style = "point"
    _plain: Reading = field(default_factory=Reading)
    """Cells that mean the same in each style."""
    _pointed: Reading = field(default_factory=Reading)
    """Numbers with a point; with a decimal comma those are odd of which the point cannot separate thousands."""

    def add(self, text: str, line: int) -> None:
        """Count a cell that is not missing."""
        number = as_number(text)
        if number is not None and "." not in text:
            self._plain.add(number)
            return
        if number is not None:
            self._pointed.add(number)
            if _GROUPED_BY_POINT.fullmatch(text):
                self.readings["comma"].add(float(text.replace(".", "")))
            else:
                self._pointed.odd.add(text, line)
            return
        if text.lower() in PLACEHOLDERS:
            self.empty.add(text, line)
            return
        unit = ""
        for style, reading in self.readings.items():
            found = parse(text, style)
            if found is None:
                reading.odd.add(text, line)
            else:
                reading.add(found[0])
                unit = found[1]
        if unit and (unit in self.units or len(self.units) < KEPT_ODD):
            self.units[unit] = self.units.get(unit, 0) + 1

    def close(self) -> None:
        """Combine the counts after the last cell."""
        for style, reading in self.readings.items():
            if style == "comma":
                reading.odd.merge(self._pointed.odd)
            else:
                reading.merge(self._pointed)
            reading.merge(self._plain)

    @property
    def reading(self) -> Reading:
        return self.readings[self.style]

    @property
    def needs_comma(self) -> bool:
        """True if its numbers can only be written with decimal commas."""
        counts = {style: reading.count for style, reading in self.readings.items()}
        return counts["comma"] > max(counts["point"], counts["grouped"])

    def decide(self, order: Sequence[Style]) -> None:
        """Choose the style in which most cells are numbers; among equals the first in `order`."""
        self.style = max(order, key=lambda style: self.readings[style].count)

    def is_number(self, different: int) -> bool:
        """True if this is a column of numbers, with or without some odd cells; it has `different` texts."""
        found = self.reading
        if not found.count or len(self.units) > 1 or self.empty.count > found.count:
            return False
        odd = found.odd.count
        if not odd:
            return True
        few = different - len(found.odd.lines) <= FEW_NUMBERS and odd > 1
        return found.count >= 3 and odd <= max(1, int(MOST_ODD * (found.count + odd))) and not few

    def value(self, text: str) -> float | None:
        """The number in a cell, in the chosen style."""
        number = None if self.style == "comma" and "." in text else as_number(text)
        if number is not None:
            return number
        found = parse(text, self.style)
        return found[0] if found else None

    def told(self) -> list[str]:
        """The notes about an unusual way of writing, in a few words each."""
        unit = next(iter(self.units), "")
        plain, found = self.readings["point"], self.reading
        same = (plain.count, plain.least, plain.most) == (found.count, found.least, found.most)
        style = "" if same else TOLD[self.style]
        return [word for word in (style, f"in {unit}" if unit else "") if word]
