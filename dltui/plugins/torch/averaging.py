"""An exponential moving average of a module's weights, and of its batch norm's statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from dltui.plugins.torch.neutral import weights

if TYPE_CHECKING:
    from dltui.plugins.torch.neutral import Weight


class Average:
    """average += (1 - d) * (weight - average) after each step, with d = min(decay, (1 + steps) / (10 + steps)): early
    averages then forget the weights that the run began with, as in TensorFlow's ExponentialMovingAverage."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.known = {name: weight for name, weight in weights(module).items() if weight.tensor.is_floating_point()}
        self._tensors = [weight.tensor.detach() for weight in self.known.values()]
        self._averages = [tensor.clone(memory_format=torch.preserve_format) for tensor in self._tensors]

    @torch.no_grad()
    def follow(self) -> None:
        """Take in the weights of a step that is done."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._averages, self._tensors, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the module the averages until the context ends."""
        places = list(enumerate(self.known.values()))
        self._exchange(places)
        try:
            yield
        finally:
            # Backwards: a weight that two layers share stands here twice.
            self._exchange(places[::-1])

    def _exchange(self, places: Sequence[tuple[int, Weight]]) -> None:
        """Exchange weights and averages by their pointers: the optimizer knows the parameters, not their memory."""
        for number, weight in places:
            weight.tensor.data, self._averages[number] = self._averages[number], weight.tensor.data

    @torch.no_grad()
    def restart(self) -> None:
        """Begin a new average with the current weights."""
        self.steps = 0
        torch._foreach_copy_(self._averages, self._tensors)

    def items(self) -> Iterator[tuple[str, Weight, torch.Tensor]]:
        """(neutral name, weight, average) of each."""
        for (name, weight), average in zip(self.known.items(), self._averages, strict=True):
            yield name, weight, average
