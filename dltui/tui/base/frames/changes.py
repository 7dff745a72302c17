"""Which cells of a row have changed, so that only these are sent to the terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from dltui.tui.draw.styled_text import Row, merge, width

GAP = 6
"""Cells between two changes that are sent, too: to go to a place takes as many bytes."""


class Cells(NamedTuple):
    """A row by cells: the letter of each, and the words of its style."""

    letters: str
    styles: list[str]

    def part(self, first: int, last: int) -> Row:
        """The cells from `first` up to `last`."""
        return merge(zip(self.letters[first:last], self.styles[first:last], strict=True))


def cells_of(row: Row) -> Cells | None:
    """The cells of a row; None where a letter takes another room than one cell, or a cell shows an image."""
    letters = "".join([text for text, _ in row])
    if not letters.isascii() and not all(map(_single, set(letters))):
        return None
    styles: list[str] = []
    for text, style in row:
        if style.startswith("image:"):
            return None
        styles += [style] * len(text)
    return Cells(letters, styles)


@cache
def _single(letter: str) -> bool:
    return width(letter) == 1


def changes(before: Cells, after: Cells, ground: Callable[[str], object]) -> list[tuple[int, int]]:
    """The ranges of cells that look different, in order; few equal cells between two of them are part of one. `ground`
    tells from the words of a style how a blank looks in it. Both rows are of the same width.
    """
    cells = enumerate(zip(before.letters, after.letters, before.styles, after.styles, strict=True))
    other = [(x, old == new == " ", style, now) for x, (old, new, style, now) in cells if old != new or style != now]
    blanks = {style for _, blank, *both in other if blank for style in both}
    grounds = {style: ground(style) for style in blanks}
    found: list[tuple[int, int]] = []
    for x, blank, style, now in other:
        if blank and grounds[style] == grounds[now]:
            continue
        if found and x - found[-1][1] <= GAP:
            found[-1] = (found[-1][0], x + 1)
        else:
            found.append((x, x + 1))
    return found
