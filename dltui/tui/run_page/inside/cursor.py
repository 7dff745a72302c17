"""The cursors of the tabs about a model's predictions: on a cell, a class and a mistake. They are classes and sample
ids, not places on the screen: they stay when the order changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core.analysis.mistakes import Filter, Mistake, Mistakes

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix, Score

CLASS_ORDERS = ("hardest first", "by precision", "by F1", "by count", "in their order")


@dataclass
class CellCursor:
    """The cursor on a cell of the confusion matrix, and the matrix's display options."""

    cell: tuple[int, int] | None = None
    """True class, said class; None before the cursor was moved."""
    hardest_first: bool = False
    """The order of the matrix: as the classes are numbered, or by their recall."""
    percent: bool = False

    def order(self, matrix: Matrix) -> list[int]:
        """The classes in the order in which rows and columns are shown."""
        if not self.hardest_first:
            return list(range(len(matrix.classes)))
        return [score.number for score in sorted(matrix.scores(), key=lambda score: _low(score.recall))]

    def chosen(self, matrix: Matrix) -> tuple[int, int]:
        """The cell under the cursor: the most frequent mistake until it was moved."""
        count = len(matrix.classes)
        if self.cell is not None and max(self.cell) < count:
            return self.cell
        worst = matrix.worst(1)
        return (worst[0][1], worst[0][2]) if worst else (0, 0)

    def move_cell(self, matrix: Matrix, down: int, right: int) -> None:
        order = self.order(matrix)
        last = len(order) - 1
        row, column = (order.index(number) for number in self.chosen(matrix))
        self.cell = (order[min(max(row + down, 0), last)], order[min(max(column + right, 0), last)])

    def pairs(self, matrix: Matrix) -> list[tuple[int, int, int]]:
        """The mistakes, the most frequent first: count, true class, predicted class."""
        return matrix.worst(len(matrix.classes) ** 2)

    def pair(self, matrix: Matrix) -> tuple[int, int, int]:
        """The mistake under the cursor; the most frequent one where no mistake is under it."""
        found, cell = self.pairs(matrix), self.chosen(matrix)
        return next((one for one in found if one[1:] == cell), found[0])

    def move_pair(self, matrix: Matrix, by: int) -> None:
        """Move to a more or less frequent mistake."""
        found = self.pairs(matrix)
        if found:
            at = found.index(self.pair(matrix)) + by
            self.cell = found[min(max(at, 0), len(found) - 1)][1:]


@dataclass
class ClassCursor:
    """The cursor on a row of the table of classes, and the order of the table."""

    order: int = 0
    at: int = 0

    def scores(self, matrix: Matrix) -> list[Score]:
        """The table of classes in the chosen order."""
        keys = (
            lambda score: _low(score.recall),
            lambda score: _low(score.precision),
            lambda score: _low(score.f1),
            lambda score: -score.true,
            lambda score: score.number,
        )
        return sorted(matrix.scores(), key=keys[self.order])

    def move_class(self, matrix: Matrix, by: int) -> None:
        self.at = min(max(self.at + by, 0), len(matrix.classes) - 1)


@dataclass
class MistakeCursor:
    """The cursor on a mistake among those that a filter keeps."""

    filter: Filter = field(default_factory=Filter)
    sample: int | None = None
    """The id under the cursor; `place` is where it was last seen."""
    place: int = 0

    def position(self, shown: tuple[Mistake, ...]) -> int:
        """The cursor's position among the shown mistakes: at its sample, or at its former place."""
        if self.sample is not None and not (self.place < len(shown) and shown[self.place].id == self.sample):
            for number, mistake in enumerate(shown):
                if mistake.id == self.sample:
                    return number
        return min(self.place, max(len(shown) - 1, 0))

    def current(self, mistakes: Mistakes | None) -> Mistake | None:
        """The mistake under the cursor."""
        shown = mistakes.shown(self.filter) if mistakes else ()
        return shown[self.position(shown)] if shown else None

    def move_mistake(self, mistakes: Mistakes, by: int) -> None:
        shown = mistakes.shown(self.filter)
        if shown:
            self.place = min(max(self.position(shown) + by, 0), len(shown) - 1)
            self.sample = shown[self.place].id

    def show(self, which: Filter) -> None:
        """Show only these mistakes, from the first on."""
        self.filter, self.sample, self.place = which, None, 0

    def turn_filter(self, mistakes: Mistakes) -> None:
        """Take the next filter around the mistake under the cursor, which stays."""
        mistake = self.current(mistakes)
        if mistake is None:
            self.show(Filter())
        else:
            self.filter, self.sample = self.filter.turned(mistake), mistake.id
            self.place = self.position(mistakes.shown(self.filter))


def _low(value: float | None) -> float:
    """A sort key that puts low values first, unknown values last."""
    return 2.0 if value is None else value
