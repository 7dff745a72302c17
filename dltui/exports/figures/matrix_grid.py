"""Computes the positions of a confusion matrix's cells and labels, for two classes and for a thousand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dltui.exports.figures import style

WITH_RECALL = 20
"""Up to this many classes each row ends with its recall; with more, the worst pairs are listed beside it
where there is room.
"""
WITH_NUMBERS = 40
"""Up to this many classes the counts fit into the cells."""
LEAST_MANY = 40
"""Matrices with a list of pairs have cells as if they had at least so many classes."""
SIDE, LARGEST_SIDE, LARGEST_CELL = 4.7, 7.8, 0.8
"""Inches."""
SMALLEST_LABEL = 4.6
LABEL_ROOM = 1.25
NARROW_LABELS = 1.0
"""The room for labels and the title of the axis in a narrow figure."""
RECALL = 0.52
HEADING = 0.7
GAP, BAR = 0.16, 0.62
"""The color scale with its labels, and what is free before it."""
LIST = 2.9


@dataclass(frozen=True)
class Grid:
    """The sizes of a matrix in inches and points. `every` n: each n-th class has a label; `number_size` 0: no
    numbers.
    """

    labels: list[str]
    cell: float
    left: float
    below: float
    label_size: float
    number_size: float
    every: int
    slanted: bool
    recall: float
    pairs: bool

    @property
    def side(self) -> float:
        return self.cell * len(self.labels)

    @property
    def height(self) -> float:
        return HEADING + self.side + self.below

    @property
    def width(self) -> float:
        if style.width() != style.WIDTH:
            return style.width()
        used = self.left + self.side + self.recall + GAP + BAR + style.MARGIN
        return max(used + (LIST if self.pairs else 0.0), min(5.6, style.width()))

    @classmethod
    def of(cls, classes: Sequence[str], largest: int) -> Grid:
        """The grid for these class names, with `largest` as the largest number in a cell."""
        size = max(len(classes), 1)
        many, narrow = size > WITH_RECALL, style.narrow()
        room = NARROW_LABELS - 0.3 if narrow else LABEL_ROOM if not many else 1.0
        label_size = min(style.SMALL, max(SMALLEST_LABEL, _cell(size, room)[0] * 72 / 1.2))
        labels = style.fit_all(list(classes), room, label_size)
        longest = max((style.text_width(text, label_size) for text in labels), default=0.0)
        cell, pairs = _cell(size, longest)
        # Shorter names make room for larger cells, or for the list of pairs, beside which cells are smaller.
        label_size = min(label_size, max(SMALLEST_LABEL, cell * 72 / 1.2))
        slanted = not many
        return cls(
            labels=labels,
            cell=cell,
            left=_left(longest),
            below=style.MARGIN + 0.26 + (longest * math.sqrt(0.5) + 0.06 if slanted else longest),
            label_size=label_size,
            number_size=_number_size(cell, largest) if size <= WITH_NUMBERS else 0.0,
            every=max(1, math.ceil(label_size * 1.16 / (cell * 72) - 1e-6)),
            slanted=slanted,
            recall=0.0 if many or narrow else RECALL,
            pairs=pairs,
        )


def _left(names: float) -> float:
    """What lies beside the cells at their left: the title of the axis, and class names of so many inches."""
    return style.MARGIN + 0.24 + names


def _cell(size: int, names: float) -> tuple[float, bool]:
    """The side of a cell beside class names of so many inches, and whether the worst pairs are listed: a page of the
    usual width is as wide as it has to be, another one as wide as it is wished.
    """
    many = size > WITH_RECALL
    usual = LARGEST_SIDE / max(size, LEAST_MANY) if many else min(LARGEST_CELL, SIDE / size)
    if style.width() == style.WIDTH:
        return usual, many
    if style.narrow():
        return min(usual, (style.width() - 2 * style.MARGIN - NARROW_LABELS) / size), False
    room = style.width() - _left(names) - (0.0 if many else RECALL) - GAP - BAR - style.MARGIN
    if not many:
        return min(usual * max(style.width() / style.WIDTH, 1.0), room / size), False
    if room - LIST < SIDE:
        return room / size, False
    room -= LIST
    return min(usual * max(room / LARGEST_SIDE, 1.0), room / size), True


def _number_size(cell: float, largest: int) -> float:
    """The largest font size in points at which the widest number fits; 0 when it would be unreadably small."""
    width = style.text_width(f"{largest:,}", 10.0, "bold")
    size = min(style.TEXT, 10.0 * 0.88 * cell / max(width, 1e-6), cell * 72 * 0.55)
    return size if size >= 3.5 else 0.0
