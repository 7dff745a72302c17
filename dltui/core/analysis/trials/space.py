"""The space of a sweep: the hyperparameters that vary, each over a range of numbers or a list of choices."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dltui.core.errors import UsageError
from dltui.core.numbers import exact, rounded
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec

Kind = Literal["float", "int", "choice"]
Values = dict[str, Any]
DIGITS = 4
"""Significant digits of a drawn number, or of its place in a narrow range: the command of a trial can be read."""
MOST_DIGITS = 17
"""As many tell all numbers apart."""
ATTEMPTS = 20
"""Draws of so many digits."""
MOST_CHOICES = 1000
LOG = "log"


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter that varies: from `low` to `high`, both included, or over `values`."""

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    steps: int = 0
    """The number of values that a grid takes of a range; 0: not said."""
    values: tuple[Any, ...] = ()

    def at(self, place: float, more: int = 0) -> Any:
        """The value at a place from 0 to 1; a float has so many `more` digits."""
        if self.kind == "choice":
            return self.values[min(int(place * len(self.values)), len(self.values) - 1)]
        if self.kind == "int":
            return self._whole(place)
        if place in (0, 1):
            return self.high if place else self.low
        if self.log:
            width = math.log(self.high) - math.log(self.low)
            found = math.exp(math.log(self.low) + place * width)
            width *= found
        else:
            width = self.high - self.low
            found = self.low + place * width
        digits = min(DIGITS + more + max(_exponent(found) - _exponent(width), 0), MOST_DIGITS)
        return min(max(float(f"{found:.{digits}g}"), self.low), self.high)

    def _whole(self, place: float) -> int:
        # Half a number beyond the ends, so that these come up as often as the others.
        low, high = self.low - 0.5, self.high + 0.5
        if self.log:
            low = max(low, 0.5)
            found = math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
        else:
            found = low + place * (high - low)
        return int(min(max(round(found), self.low), self.high))

    @property
    def ends(self) -> tuple[str, str]:
        """The lower and the upper end of its axis, as texts."""
        low, high = (self.values[0], self.values[-1]) if self.kind == "choice" else (self.low, self.high)
        return rounded(low), rounded(high)

    def place(self, value: Any) -> float | None:
        """The place of a value from 0 to 1, as `at` has it; None for a value that is not of this dimension."""
        if self.kind == "choice":
            found = next((index for index, choice in enumerate(self.values) if choice == value), None)
            return None if found is None else found / max(len(self.values) - 1, 1)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            return None
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def count(self) -> int:
        """The number of its values; 0 for a range that has any number of them."""
        if self.kind == "choice":
            return len(self.values)
        return int(self.high - self.low) + 1 if self.kind == "int" else 0

    @property
    def greatest(self) -> float:
        """The greatest of its numbers."""
        return float(max(self.values)) if self.kind == "choice" else self.high

    def every(self) -> Sequence[Any]:
        """All of its values, of a dimension that has a `count` of them."""
        return self.values if self.kind == "choice" else range(int(self.low), int(self.high) + 1)

    def grid(self) -> Sequence[Any]:
        """All values of a grid. Raises UsageError for a range without a number of steps."""
        if self.kind == "choice":
            return self.values
        if not self.steps:
            if self.kind == "int" and self.count <= MOST_CHOICES and not self.log:
                return self.every()
            flag = "--" + self.name.replace("_", "-")
            raise UsageError(f"a grid takes numbers of a range: {flag} {self.text()}:5 for five of them")
        if self.steps == 1:
            return [self.at(0.5)]
        return list(dict.fromkeys(self._edge(index) for index in range(self.steps)))

    def _edge(self, index: int) -> Any:
        place = index / (self.steps - 1)
        if self.kind == "float":
            return self.at(place)
        if self.log:
            return round(math.exp(math.log(self.low) + place * math.log(self.high / self.low)))
        return round(self.low + place * (self.high - self.low))

    def text(self) -> str:
        """The range as it is typed: `0.01..0.3:log`, `64,256`."""
        if self.kind == "choice":
            texts = [exact(value) for value in self.values]
            return (";" if any("," in text for text in texts) else ",").join(texts)
        low, high = (exact(int(end) if self.kind == "int" else end) for end in (self.low, self.high))
        return f"{low}..{high}" + f":{LOG}" * self.log + (f":{self.steps}" if self.steps else "")

    def to_json(self) -> dict[str, Any]:
        if self.kind == "choice":
            return {"name": self.name, "kind": self.kind, "values": list(self.values)}
        ends = {"low": self.low, "high": self.high, "log": self.log, "steps": self.steps}
        return {"name": self.name, "kind": self.kind, **ends}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Dimension:
        """The dimension of a record. Raises ValueError, TypeError or KeyError for what is none."""
        name, kind = clean_line(record["name"], 60), record["kind"]
        if kind == "choice":
            values = record["values"]
            if not isinstance(values, list) or not values:
                raise ValueError("no values")
            return cls(name, "choice", values=tuple(tuple(one) if isinstance(one, list) else one for one in values))
        low, high, steps = float(record["low"]), float(record["high"]), int(record["steps"])
        if kind not in ("float", "int") or not low <= high or (record["log"] and low <= 0):
            raise ValueError("no range")
        return cls(name, kind, low, high, bool(record["log"]), steps)


def _exponent(number: float) -> int:
    """The place of the first digit: 2 for 123, -3 for 0.00123."""
    size = abs(number)
    return math.floor(math.log10(size)) if 0 < size < math.inf else 0


def is_range(field: FieldSpec, text: str) -> bool:
    """True for a text that names several values of a field."""
    if field.type in ("int", "float") and ".." in text:
        return True
    return _separator(field) in text


def _separator(field: FieldSpec) -> str:
    """What stands between choices: a text or a list of numbers may have commas of its own."""
    return ";" if field.type in ("str", "numbers") else ","


def parse(field: FieldSpec, text: str) -> Dimension:
    """The range or the choices of a field as they are typed. Raises UsageError, which names the field."""
    if field.type in ("int", "float") and ".." in text:
        return _range(field, text)
    words = [word.strip() for word in text.split(_separator(field))]
    values = [field.parse(word) for word in words if word or field.type == "str"]
    if len(values) > MOST_CHOICES:
        raise UsageError(f"{field.name} has {len(values)} choices, at most are {MOST_CHOICES}")
    kept = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    if not kept or len(set(kept)) < len(kept):
        raise UsageError(f"{field.name} names a value twice: {clean_line(text, 80)}")
    return Dimension(field.name, "choice", values=kept)


def _range(field: FieldSpec, text: str) -> Dimension:
    body, *marks = [part.strip() for part in text.split(":")]
    low_text, _, high_text = body.partition("..")
    low, high = field.parse(low_text), field.parse(high_text)
    log, steps = False, 0
    for mark in marks:
        if mark == LOG:
            log = True
        elif mark.isascii() and mark.isdigit() and 1 <= int(mark) <= MOST_CHOICES:
            steps = int(mark)
        else:
            raise UsageError(f"{field.name} wants LOW..HIGH, :log and a number of steps, got {clean_line(text, 80)}")
    if not low < high:
        raise UsageError(f"{field.name} wants the lower end first, got {clean_line(text, 80)}")
    if log and low <= 0:
        raise UsageError(f"{field.name}: a range with :log begins above 0, got {clean_line(text, 80)}")
    return Dimension(field.name, "int" if field.type == "int" else "float", float(low), float(high), log, steps)


def combinations(space: Sequence[Dimension]) -> int:
    """The number of different trials of a space; 0 when there is no end of them."""
    counts = [dimension.count for dimension in space]
    return 0 if 0 in counts else math.prod(counts)


def to_record(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a trial as JSON holds them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def from_record(record: Mapping[str, Any]) -> Values:
    """The values of a trial as `to_record` has written them. Raises TypeError or ValueError for what is none."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in dict(record).items()}


def grid(space: Sequence[Dimension]) -> Iterator[Values]:
    """All trials of a grid, the last dimension first. Raises UsageError."""
    names = [dimension.name for dimension in space]
    for values in itertools.product(*(dimension.grid() for dimension in space)):
        yield dict(zip(names, values, strict=True))


def draw(space: Sequence[Dimension], seed: int, number: int, attempt: int = 0) -> Values:
    """The values of a trial that are drawn at random: a function of the seed and the number of the trial. Later ones of
    its attempts have more digits, as all short numbers may have been tried.
    """
    more = attempt // ATTEMPTS
    return {
        dimension.name: dimension.at(random.Random(f"{seed}/{number}/{attempt}/{dimension.name}").random(), more)
        for dimension in space
    }
