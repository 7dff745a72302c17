"""Runs training steps one operation after the other, as the host calls them."""

from __future__ import annotations

from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.core.contract.shares import Part
from dltui.plugins.torch.augment import Augmentation

if TYPE_CHECKING:
    from dltui.core.contract import EpochPlan
    from dltui.plugins.torch.optimizers.make import Rates
    from dltui.plugins.torch.ranks.draws import Draws
    from dltui.plugins.torch.samples import Samples
    from dltui.plugins.torch.steps.computation import Computation


class Eager:
    """Runs the steps of a plan. They queue up on a device: the host waits for none of them."""

    mode = "eager"

    def __init__(
        self,
        computation: Computation,
        samples: Samples,
        rates: Rates,
        device: torch.device,
        draws: Draws | None = None,
    ) -> None:
        """On one of several ranks `draws` are its random numbers."""
        self._draws = draws
        self.computation, self.samples, self.rates, self.device = computation, samples, rates, device
        self._indices = torch.zeros(0, 0, dtype=torch.int32)
        self._augmentation: Augmentation | None = None
        self._lr: list[float] = []
        self._next = self._first = 0
        self._own = 0
        self.batch = 0
        self.data_seconds: float | None = None

    def forget(self) -> None:
        """Nothing: each step is computed as the module is at that moment."""

    def begin(self, plan: EpochPlan) -> None:
        self._indices = torch.from_numpy(plan.indices).to(self.device)
        self._augmentation = Augmentation.of(plan, self.device)
        self.samples.begin(plan.indices)
        self._lr = plan.lr.tolist()
        self._next, self._first = 0, plan.first_step
        self._own, self.batch = plan.batch, plan.whole or plan.batch

    def advance(self, steps: int) -> Tensor:
        """Mean losses, correct answers or mean squared errors, and the losses with a name, of the next steps: (2 or
        more, steps). On one of several ranks they are its shares in those of the whole batch."""
        first, chunk = self._next, slice(self._next, self._next + steps)
        self._next += steps
        indices, lr = self._indices[chunk], self._lr[chunk]
        targets = self.samples.targets(indices)
        means, marks = [], []
        named: list[tuple[Tensor, ...]] = []
        seconds = 0.0
        for step in range(steps):
            began = perf_counter()
            changes = self._augmentation.at(first + step) if self._augmentation else None
            batch = self.samples.batch(first + step, indices[step], changes)
            seconds += perf_counter() - began
            self.rates.set(lr[step])
            all_y = self.samples.for_step(targets[step], changes)
            mixed, y = changes.mixed(all_y) if changes else None, all_y[: self._own]
            if self._draws is not None:
                self._draws.begin_step(self._first + first + step, self.batch)
            step_found = self.computation.gradients(batch, y, mixed, self.batch)
            # The next batch goes into its memory.
            del batch
            self.computation.update()
            means.append(step_found.loss)
            marks.append(self._marked(step_found.outputs, y))
            named.append(step_found.named)
        self.data_seconds = seconds
        # Counts are exact in float32 below 2**24.
        losses = torch.stack(means)
        found = self.computation.marks_of.of_all(torch.stack(marks), targets[:, : self._own]).to(losses.dtype)
        if self.computation.marks_of.is_mean and self._own != self.batch:
            found = found * (self._own / self.batch)
        return torch.stack([losses, found, *(torch.stack(values) for values in zip(*named, strict=True))])

    def _marked(self, outputs: Tensor, y: Tensor) -> Tensor:
        group = self.computation.group
        with group.computing(Part(group.number, self._own, self.batch)) if group else nullcontext():
            return self.computation.marks_of.of_step(outputs, y)
