"""The labels of a table's rows: columns of 0 and 1, or one column of names with bars between them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dltui.core.errors import RunError
from dltui.core.inputs.numerals import is_missing
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract.types import Array
    from dltui.plugins.datasets.tables.table import Table

BAR, NONE = "|", "-"
"""What stands between names, and for a row to which no label applies."""
MOST_LABELS = 1_000
YES = ("1", "1.0", "true", "yes")
NO = ("0", "0.0", "false", "no")


def places_of(table: Table, asked: str) -> tuple[int, ...]:
    """The columns that the option names: `a,b,c`, or patterns such as `tag_*`. Raises RunError."""
    found: list[int] = []
    words = [word for part in asked.split(",") if (word := part.strip())]
    twice = next((word for word in words if words.count(word) > 1), "")
    if twice:
        raise RunError(f"column {clean_line(twice, 80)!r} is named twice; name each column to predict once")
    for word in words:
        fitting = [place for place in table.places if fnmatchcase(table.columns[place].name, word)]
        found += fitting or [table.column(word)]
    return tuple(dict.fromkeys(found))


class Labels:
    """The labels of a table. `names` are the labels; `row` gives 0 or 1 for each. Raises RunError naming the line."""

    def __init__(self, table: Table, places: Sequence[int]) -> None:
        self._table, self._places = table, places
        first = table.columns[places[0]]
        self._by_name = len(places) == 1 and not all(text.lower() in YES + NO for text in first.values)
        names = self._found_names() if self._by_name else [table.columns[place].name for place in places]
        self.names = tuple(clean_line(name, 200) for name in names)
        self._numbers = {name: number for number, name in enumerate(names)}

    def row(self, line: int, cells: Sequence[str]) -> list[int]:
        """0 or 1 for each label."""
        if self._by_name:
            numbers = {self._numbers[name] for name in self._named(line, cells)}
            return [int(number in numbers) for number in range(len(self.names))]
        return [self._yes_or_no(line, cells, place) for place in self._places]

    def _found_names(self) -> list[str]:
        """All names in the column, in alphabetical order."""
        names: set[str] = set()
        for line, cells in self._table.cells():
            names.update(self._named(line, cells))
            if len(names) > MOST_LABELS:
                raise RunError(
                    f"{self._column(self._places[0])!r} has more than {MOST_LABELS:,} different labels; "
                    f"names with {BAR} between them are labels"
                )
        if not names:
            column = self._column(self._places[0])
            raise RunError(f"no row has a label in {column!r}; name another column: --data labels=A,B")
        return sorted(names)

    def _named(self, line: int, cells: Sequence[str]) -> list[str]:
        place = self._places[0]
        text = cells[place].strip()
        names = [name for part in text.split(BAR) if (name := part.strip())]
        if (is_missing(text) and text != NONE) or not names:
            raise self._refusal(line, f"has no {self._column(place)!r}, the labels: write {NONE} where none applies")
        return [] if names == [NONE] else names

    def _yes_or_no(self, line: int, cells: Sequence[str], place: int) -> int:
        text = cells[place].strip()
        if text.lower() in YES + NO:
            return int(text.lower() in YES)
        told = f"has {clean_line(repr(text), 60)} as {self._column(place)!r}, a label" if text else (
            f"has no {self._column(place)!r}, a label")  # fmt: skip
        raise self._refusal(line, f"{told}: write 0 or 1")

    def _refusal(self, line: int, problem: str) -> RunError:
        return RunError(f"{clean_line(self._table.path)} line {line} {problem}")

    def _column(self, place: int) -> str:
        return clean_line(self._table.columns[place].name, 60)


def rarest(present: Array) -> Array:
    """The rarest label of each row, by which rows are divided alike, int64 (n,); one more than all for a row without
    any.
    """
    import numpy as np

    counts = present.sum(axis=0, dtype=np.int64)
    ranked = np.where(present > 0, counts, len(present) + 1)
    found: Array = np.where(present.any(axis=1), ranked.argmin(axis=1), present.shape[1]).astype(np.int64)
    return found
