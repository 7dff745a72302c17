"""The state of the page of a sweep: the selected trial, the picture, the axis and the brushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.trials import trial as trials

if TYPE_CHECKING:
    from dltui.core.analysis.trials.space import Dimension
    from dltui.core.analysis.trials.trial import Trial
    from dltui.core.sweep.view import SweepView

PICTURES = ("best so far", "parallel", "importance", "slices")
PARTS = 3
"""The parts of a range that a brush chooses of."""
_NO_BRUSH = -1


class SweepState:
    """The plain values that the page, its pictures and its keys share."""

    def __init__(self) -> None:
        self.found: SweepView | None = None
        self.picture = 0
        self.axis = 0
        """The place of the hyperparameter that keys act on; the last axis is the result."""
        self.brushes: dict[int, int] = {}
        """The part, or the choice, that is chosen on each axis."""
        self.selected: str | None = None
        self.ranked: list[Trial] = []
        """The trials that the brushes leave, the best first."""
        self.everyone: list[Trial] = []
        self.range = (0.0, 1.0)
        """The least and the greatest result."""

    def take(self, found: SweepView) -> None:
        self.found = found
        self.everyone = trials.order(found.trials)
        values = [one.best for one in self.everyone if one.best is not None]
        self.range = (min(values), max(values)) if values else (0.0, 1.0)
        self._brush()

    def _brush(self) -> None:
        self.ranked = [one for one in self.everyone if self.is_brushed(one)]
        if self.ranked and self.selected not in {one.run.id for one in self.ranked}:
            self.selected = self.ranked[0].run.id

    @property
    def space(self) -> tuple[Dimension, ...]:
        return self.found.plan.space if self.found else ()

    @property
    def index(self) -> int:
        """The place of the selected trial in the table."""
        return next((place for place, one in enumerate(self.ranked) if one.run.id == self.selected), 0)

    @property
    def trial(self) -> Trial | None:
        return self.ranked[self.index] if self.ranked else None

    def select(self, run: str) -> None:
        """Select the trial with this run, if it is in the table."""
        if run in {one.run.id for one in self.ranked}:
            self.selected = run

    def move(self, by: int) -> None:
        if self.ranked:
            self.selected = self.ranked[min(max(self.index + by, 0), len(self.ranked) - 1)].run.id

    def turn(self, by: int) -> None:
        self.picture = (self.picture + by) % len(PICTURES)

    def choose_axis(self, by: int) -> None:
        self.axis = (self.axis + by) % (len(self.space) + 1)

    def brush(self) -> None:
        """Choose the next part of the axis, and after the last one all of it."""
        following = self.brushes.get(self.axis, _NO_BRUSH) + 1
        self.brushes.pop(self.axis, None)
        if following < self._parts(self.axis):
            self.brushes[self.axis] = following
        self._brush()

    def clear(self) -> None:
        self.brushes.clear()
        self._brush()

    def _parts(self, axis: int) -> int:
        """The number of parts of an axis: its choices, or three parts of a range."""
        if axis < len(self.space) and self.space[axis].kind == "choice":
            return len(self.space[axis].values)
        return PARTS

    def is_brushed(self, one: Trial) -> bool:
        """True if a trial lies in the chosen part of each axis."""
        return all(self._part(axis, one) == part for axis, part in self.brushes.items())

    def _part(self, axis: int, one: Trial) -> int | None:
        place = self.place(axis, one)
        if place is None:
            return None
        parts = self._parts(axis)
        if axis < len(self.space) and self.space[axis].kind == "choice":
            return round(place * (parts - 1))
        # The upper part comes first: who brushes looks for the best.
        return parts - 1 - min(int(place * parts), parts - 1)

    def place(self, axis: int, one: Trial) -> float | None:
        """The place of a trial on an axis, from 0 at the bottom to 1."""
        if axis < len(self.space):
            return self.space[axis].place(one.values.get(self.space[axis].name))
        low, high = self.range
        if one.best is None:
            return None
        return (one.best - low) / (high - low) if high > low else 0.5

    def brush_text(self) -> str:
        """The brushes in words: `lr upper third, batch_size 64`."""
        return ", ".join(f"{self.axis_name(axis)} {self._part_text(axis, part)}" for axis, part in self.brushes.items())

    def axis_name(self, axis: int) -> str:
        if axis < len(self.space):
            return self.space[axis].name
        return (self.found.metric if self.found else "") or "result"

    def _part_text(self, axis: int, part: int) -> str:
        from dltui.core.numbers import exact

        if axis < len(self.space) and self.space[axis].kind == "choice":
            return exact(self.space[axis].values[part])
        return ("upper third", "middle third", "lower third")[part]
