"""Finds which classes the values of masks stand for: those of classes.txt, or the numbers that occur."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dltui.core.errors import RunError
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.masks import reading

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.datasets.masks.listing import Pair
    from dltui.plugins.datasets.masks.reading import Mask

FOREGROUND = (0, IGNORED)
"""The values of masks of two classes that are drawn in black and white."""
SPARSE = 2
"""Numbers that go up to so many times their count are no class numbers, but gray levels."""
MOST_SHOWN = 8


class Classes(NamedTuple):
    """The names of the classes, and notes. `white`: 255 stands for class 1."""

    names: tuple[str, ...]
    white: bool
    notes: tuple[str, ...] = ()


class Values:
    """The values of all masks, counted, and a mask in which each occurs."""

    def __init__(self) -> None:
        self.counts: Array = np.zeros(256, dtype=np.int64)
        self._where: dict[int, str] = {}
        self._turned: list[str] = []
        self._padded = False

    def add(self, pair: Pair, mask: Mask) -> None:
        self.counts += mask.counts
        for value in np.flatnonzero(mask.counts).tolist():
            self._where.setdefault(value, pair.mask)
        if mask.turned:
            self._turned.append(pair.image)
        self._padded = self._padded or mask.padded

    def notes(self) -> tuple[str, ...]:
        """A line about images that are turned: masks are taken as they are."""
        if not self._turned:
            return ()
        first = clean_line(Path(self._turned[0]).name, 60)
        count = plural(len(self._turned), "image")
        return (f"turned as the camera noted (EXIF), their masks are not: {count}, the first is {first}",)

    def classes(self, named: Sequence[str]) -> Classes:
        """The classes of these values; `named` are those of classes.txt. Raises RunError for a value that is none, and
        for one that marks what is padded, too.
        """
        found = np.flatnonzero(self.counts).tolist()
        white = tuple(found) == FOREGROUND and len(named) in (0, 2)
        if white and self._padded:
            told = "masks of 0 and 255 cannot be padded, as 255 would mark the padding"
            raise RunError(f"{told}; --data fit=crop or stretch")
        numbers = [value for value in found if value != IGNORED]
        note = ("masks have the values 0 and 255 alone: 255 is taken for class 1",) if white else ()
        if named:
            self._check(numbers, len(named))
            return Classes(tuple(named), white, note)
        if white:
            return Classes(("0", "1"), True, note)
        if not numbers or numbers[-1] + 1 > SPARSE * len(numbers):
            shown = ", ".join(map(str, found[:MOST_SHOWN])) + (" and more" if len(found) > MOST_SHOWN else "")
            remedy = "number the classes anew, or name all in classes.txt, a line each"
            raise RunError(f"masks have the values {shown}, which are no class numbers from 0 on; {remedy}")
        return Classes(tuple(str(number) for number in range(max(numbers[-1] + 1, 2))), False)

    def _check(self, numbers: Sequence[int], classes: int) -> None:
        bad = next((value for value in numbers if value >= classes), None)
        if bad is None:
            return
        mask = self._where[bad]
        known = f"classes.txt names {classes} classes, 0 to {classes - 1}; {IGNORED} is for pixels that do not count"
        raise RunError(f"{clean_line(mask)} has the value {bad}{reading.first(mask, bad)}, but {known}")
