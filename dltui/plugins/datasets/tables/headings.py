"""Makes short names of the headings of columns, which may be whole questions, and keeps them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dltui.core.text import ELLIPSIS, clean_line

LONGEST = 100
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


def _where_alike(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """The names, and the others instead of those that several columns have."""
    counts = Counter(names)
    return [name if counts[name] == 1 else other for name, other in zip(names, others, strict=True)]


def _without_middle(heading: str) -> str:
    return heading[:BEGINNING] + ELLIPSIS + heading[BEGINNING + 1 - LONGEST :]
