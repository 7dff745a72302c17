"""Computes the positions of a confusion matrix's cells and labels, for two classes and for a thousand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dltui.exports.figures import style
from dltui.exports.wording import count

WITH_RECALL = 20
"""Up to this many classes each row ends with its recall; with more, the worst pairs are listed beside the matrix."""
WITH_NUMBERS = 40
"""Up to this many classes the counts fit into the cells."""
SIDE, LARGEST_SIDE, LARGEST_CELL = 4.7, 7.8, 0.8
"""Inches."""
SMALLEST_LABEL = 4.6
LABEL_ROOM = 1.25
NARROW_LABELS = 1.0
"""The room for labels and the title of the axis in a narrow figure."""
RECALL = 0.52
HEADING = 0.7
BAR = 0.62
"""The color scale with its labels."""
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
        if style.narrow():
            return style.width()
        used = self.left + self.side + self.recall + 0.16 + BAR + style.MARGIN
        return max(used + (LIST if self.pairs else 0.0), min(5.6, style.width()))

    @classmethod
    def of(cls, classes: Sequence[str], largest: int) -> Grid:
        """The grid for these class names, with `largest` as the largest number in a cell."""
        size = max(len(classes), 1)
        many, narrow = size > WITH_RECALL, style.narrow()
        cell = min(LARGEST_CELL, SIDE / size) if not many else LARGEST_SIDE / max(size, 40)
        if narrow:
            cell = min(cell, (style.width() - 2 * style.MARGIN - NARROW_LABELS) / size)
        label_size = min(style.SMALL, max(SMALLEST_LABEL, cell * 72 / 1.2))
        room = NARROW_LABELS - 0.3 if narrow else LABEL_ROOM if not many else 1.0
        labels = style.fit_all(list(classes), room, label_size)
        longest = max((style.text_width(text, label_size) for text in labels), default=0.0)
        beside = style.MARGIN + 0.24 + longest + (0.0 if many else RECALL) + 0.16 + BAR + style.MARGIN
        if not (many or narrow) and style.width() < style.WIDTH:
            cell = min(cell, (style.width() - beside) / size)
        slanted = not many
        return cls(
            labels=labels,
            cell=cell,
            left=style.MARGIN + 0.24 + longest,
            below=style.MARGIN + 0.26 + (longest * math.sqrt(0.5) + 0.06 if slanted else longest),
            label_size=label_size,
            number_size=_number_size(cell, largest) if size <= WITH_NUMBERS else 0.0,
            every=max(1, math.ceil(label_size * 1.16 / (cell * 72) - 1e-6)),
            slanted=slanted,
            recall=0.0 if many or narrow else RECALL,
            pairs=many and not narrow,
        )


def _number_size(cell: float, largest: int) -> float:
    """The largest font size in points at which the widest number fits; 0 when it would be unreadably small."""
    width = style.text_width(count(largest), 10.0, "bold")
    size = min(style.TEXT, 10.0 * 0.88 * cell / max(width, 1e-6), cell * 72 * 0.55)
    return size if size >= 3.5 else 0.0
