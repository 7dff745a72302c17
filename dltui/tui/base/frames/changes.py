"""Which cells of a row have changed, so that only these are sent to the terminal."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from dltui.tui.draw.styled_text import Row, is_narrow, width

GAP = 6
"""Cells between two changes that are sent, too: to go to a place takes as many bytes."""


class Cells(NamedTuple):
    """A row whose letters take one cell each: all letters, and for each part the cell after it and the words of its
    style."""

    letters: str
    ends: list[int]
    styles: list[str]

    def part(self, first: int, last: int) -> Row:
        """The cells from `first` up to `last`."""
        row: Row = []
        number = bisect_right(self.ends, first)
        while first < last:
            end = min(self.ends[number], last)
            row.append((self.letters[first:end], self.styles[number]))
            first, number = end, number + 1
        return row


def cells_of(row: Row) -> Cells | None:
    """The cells of a row; None where a letter takes another room than one cell, or a cell shows an image."""
    letters = "".join([text for text, _ in row])
    if not is_narrow(letters) and not all(map(_single, set(letters))):
        return None
    ends: list[int] = []
    styles: list[str] = []
    end, last = 0, None
    for text, style in row:
        end += len(text)
        if style == last:
            ends[-1] = end
        elif text:
            if style.startswith("image:"):
                return None
            ends.append(end)
            styles.append(style)
            last = style
    return Cells(letters, ends, styles)


@cache
def _single(letter: str) -> bool:
    return width(letter) == 1


def changes(before: Cells, after: Cells, ground: Callable[[str], object]) -> list[tuple[int, int]]:
    """The ranges of cells that look different, in order; few equal cells between two of them are part of one. `ground`
    tells from the words of a style how a blank looks in it. Both rows are of the same width.
    """
    found: list[tuple[int, int]] = []
    for first, last in _differing(before, after, ground):
        if found and first - found[-1][1] <= GAP:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def _differing(before: Cells, after: Cells, ground: Callable[[str], object]) -> Iterator[tuple[int, int]]:
    """The ranges of cells that look different, in order."""
    first = old = new = 0
    while first < len(after.letters):
        last = min(before.ends[old], after.ends[new])
        style, now = before.styles[old], after.styles[new]
        was, text = before.letters[first:last], after.letters[first:last]
        if style == now:
            if was != text:
                yield from ((first + at, first + at + 1) for at in range(len(text)) if was[at] != text[at])
        elif " " in text and " " in was and ground(style) == ground(now):
            yield from ((first + at, first + at + 1) for at in range(len(text)) if not was[at] == text[at] == " ")
        else:
            yield first, last
        old += before.ends[old] == last
        new += after.ends[new] == last
        first = last
