"""Recognizes in which way the numbers of a column are written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dltui.core.inputs import numerals
from dltui.core.inputs.numerals import PLACEHOLDERS, STYLES, Style, as_number, parse

TOLD: dict[Style, str] = {"point": "", "comma": "decimal comma", "grouped": "thousands separators"}
MOST_ODD = 0.05
"""The part of a column's cells that may be no number in a column of numbers."""
FEW_NUMBERS = 10
"""The number of different numbers up to which a column may consist of codes."""
KEPT_ODD = 20
_GROUPED_BY_POINT = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")


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
        """True if it is mostly numbers, and these can only be written with decimal commas."""
        counts = {style: reading.count for style, reading in self.readings.items()}
        most = max(counts["point"], counts["grouped"], self.readings["comma"].odd.count)
        return counts["comma"] > most

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
        return numerals.value(text, self.style)

    def told(self) -> list[str]:
        """The notes about an unusual way of writing, in a few words each."""
        unit = next(iter(self.units), "")
        plain, found = self.readings["point"], self.reading
        same = (plain.count, plain.least, plain.most) == (found.count, found.least, found.most)
        style = "" if same else TOLD[self.style]
        return [word for word in (style, f"in {unit}" if unit else "") if word]
