"""Short names of the headings of columns and of categories, which may be whole sentences, that keep them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from dltui.core.text import ELLIPSIS, clean_line

LONGEST = 100
CATEGORY = 60
"""The characters of a category."""
BEGINNING = 39
"""The characters of the beginning that are kept of headings that begin alike; the rest is their end."""


def headings(cells: Sequence[str]) -> list[str]:
    """The headings in full; a column without one is called by its number."""
    return [clean_line(cell) or f"column {number}" for number, cell in enumerate(cells, start=1)]


def short_names(full: Sequence[str]) -> list[str]:
    """A name for each of these different headings. Those that begin alike lose their middle instead of their end, or
    have their number at the end.
    """
    names = _where_alike([clean_line(heading, LONGEST) for heading in full], list(map(_without_middle, full)))
    return _where_alike(names, [f"{name[: LONGEST - 10]} ({number})" for number, name in enumerate(names, start=1)])


def count_columns(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """True if a first line is 0, 1, ... as pandas counts columns without names, and no cell below is a whole number."""
    counted = len(first) > 1 and list(first) == [str(place) for place in range(len(first))]
    return counted and not any(cell.strip().lstrip("+-").isdecimal() for cells in below for cell in cells)


def names_of(cells: Sequence[str], wanted: Collection[str]) -> list[str]:
    """The names of the columns of another table with such headings: one that is wanted, where a heading has it."""
    full = headings(cells)
    every = zip(short_names(full), [clean_line(one, LONGEST) for one in full], map(_without_middle, full), strict=True)
    return [next((name for name in names if name in wanted), names[0]) for names in every]


def order_of(names: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """The places of the wanted names, in capitals or not, among those of another table; the order that this has where
    the two share no name, None where they share some only.
    """
    small, wanted_small = ([name.lower() for name in some] for some in (names, wanted))
    for there, known in ((names, wanted), (small, wanted_small)):
        if sorted(there) == sorted(known) and len(set(known)) == len(known):
            return [there.index(name) for name in known]
    return None if shares_names(names, wanted) else list(range(len(names)))


def shares_names(names: Sequence[str], wanted: Sequence[str]) -> bool:
    """True if a name is one of the wanted ones, in capitals or not."""
    return not {name.lower() for name in names}.isdisjoint(name.lower() for name in wanted)


def categories(texts: Sequence[str]) -> list[str]:
    """The texts of a category, cut where that does not make two of them one."""
    return _where_alike([clean_line(text, CATEGORY) for text in texts], [clean_line(text) for text in texts])


def _where_alike(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """The names, and the others instead of those that several columns have."""
    counts = Counter(names)
    return [name if counts[name] == 1 else other for name, other in zip(names, others, strict=True)]


def _without_middle(heading: str) -> str:
    return heading[:BEGINNING] + ELLIPSIS + heading[BEGINNING + 1 - LONGEST :]
