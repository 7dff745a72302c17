"""A training step without the host: it reads the plan from tables on the device by a counter that it advances.

Nothing in it waits for a value or depends on one of Python's, so that it can be captured once and replayed for every
step. Another plan, such as one with another learning rate, is written into the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dltui.plugins.torch.augment import Changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dltui.core.contract import EpochPlan
    from dltui.core.contract.types import Array
    from dltui.plugins.torch.samples import Samples
    from dltui.plugins.torch.steps.computation import Computation

CHANGES = ("moves", "factors", "boxes", "partners", "share", "cut", "crops")


class Tables:
    """The plan and the results of up to `capacity` steps, in memory that stays in its place."""

    def __init__(self, columns: Mapping[str, Tensor], capacity: int, device: torch.device, dtype: torch.dtype) -> None:
        self.capacity = capacity
        self.counter = torch.zeros(1, dtype=torch.int64, device=device)
        self._columns = {
            name: torch.zeros(capacity, *column.shape[1:], dtype=column.dtype, device=device)
            for name, column in columns.items()
        }
        self.results = torch.zeros(2, capacity, dtype=dtype, device=device)
        self._steps = torch.arange(capacity, device=device)

    def fit(self, columns: Mapping[str, Tensor]) -> bool:
        """True if these columns go into the tables."""
        if columns.keys() != self._columns.keys() or len(columns["rows"]) > self.capacity:
            return False
        return all(column.shape[1:] == self._columns[name].shape[1:] for name, column in columns.items())

    def fill(self, columns: Mapping[str, Tensor]) -> None:
        """Write a plan, and begin with its first step."""
        for name, column in columns.items():
            self._columns[name][: len(column)].copy_(column)
        self.counter.zero_()

    def has(self, name: str) -> bool:
        return name in self._columns

    def now(self, name: str) -> Tensor:
        """A column's values of the current step."""
        return self._columns[name].index_select(0, self.counter).squeeze(0)

    def finish(self, loss: Tensor, marks: Tensor, named: tuple[Tensor, ...] = ()) -> None:
        """Write the results of the current step, and go on to the next."""
        if len(self.results) != 2 + len(named):
            # At the first step that is tried: only then is known which losses have a name.
            self.results = self.results.new_zeros(2 + len(named), self.capacity)
        here = self._steps == self.counter
        torch.where(here, torch.stack([loss, marks, *named])[:, None], self.results, out=self.results)
        self.counter += 1


class Program:
    """A step of the plan in `tables`."""

    def __init__(self, computation: Computation, samples: Samples, rates: Tensor, tables: Tables) -> None:
        self._computation, self._samples, self._rates, self._tables = computation, samples, rates, tables

    def __call__(self) -> None:
        tables, computation = self._tables, self._computation
        rows = tables.now("rows")
        changes = Changes(**{name: tables.now(name) for name in CHANGES if tables.has(name)})
        # Masks are not in the tables: those of a whole plan would be as large as all of the data's.
        given = tables.now("targets") if tables.has("targets") else self._samples.targets(rows[None])[0]
        targets = self._samples.for_step(given, changes)
        self._rates.copy_(tables.now("lr"))
        inputs = self._samples.chosen(rows, changes)
        found = computation.gradients(inputs, targets, changes.mixed(targets))
        computation.update()
        with torch.no_grad():
            tables.finish(found.loss, computation.marks(found.outputs, targets), found.named)


def columns(plan: EpochPlan, samples: Samples, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    """The columns of a plan on the device, but for its learning rates: rows of the data, their targets
    but for masks, and changes."""
    mixing = plan.mixing
    given: dict[str, Array | None] = {
        "rows": plan.indices,
        "moves": plan.augmentation,
        "factors": plan.color,
        "boxes": plan.erasing,
        "crops": plan.crops,
        "partners": mixing.partners if mixing else None,
        "cut": mixing.boxes if mixing else None,
    }
    found = {name: torch.from_numpy(np.ascontiguousarray(a)).to(device) for name, a in given.items() if a is not None}
    if not samples.have_masks:
        found["targets"] = samples.targets(found["rows"])
    if mixing:
        found["share"] = torch.from_numpy(mixing.shares).to(device).to(dtype)
    return found
