"""An exponential moving average of a module's weights, and of its batch norm's statistics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
        self._steps: int | torch.Tensor = 0
        self.known = {name: weight for name, weight in weights(module).items() if _is_averaged(weight.tensor)}
        self._tensors = [weight.tensor.detach() for weight in self.known.values()]
        self._averages = [tensor.clone(memory_format=torch.preserve_format) for tensor in self._tensors]
        buffers = ((number, weight) for number, weight in enumerate(self.known.values()))
        self._buffers = [
            (number, weight.name) for number, weight in buffers if not isinstance(weight.tensor, nn.Parameter)
        ]

    @property
    def steps(self) -> int:
        """The steps that it has seen."""
        return int(self._steps)

    @steps.setter
    def steps(self, steps: int) -> None:
        if isinstance(self._steps, torch.Tensor):
            self._steps.fill_(steps)
        else:
            self._steps = steps

    def count_on(self, device: torch.device) -> None:
        """Count the steps on the device from now on, for steps that the host does not see. It does so for good: a step
        that was captured counts in this very tensor.
        """
        if not isinstance(self._steps, torch.Tensor):
            self._steps = torch.full((), self.steps, dtype=torch.float64, device=device)

    def tensors(self) -> list[torch.Tensor]:
        """All that changes in a step."""
        return [*self._averages, *([self._steps] if isinstance(self._steps, torch.Tensor) else [])]

    @torch.no_grad()
    def follow(self) -> None:
        """Take in the weights of a step that is done."""
        self._look()
        self._steps += 1
        if not isinstance(self._steps, torch.Tensor):
            decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
            torch._foreach_lerp_(_reals(self._averages), _reals(self._tensors), 1 - decay)
            return
        share = 1 - ((1 + self._steps) / (10 + self._steps)).clamp(max=self._decay)
        averages = _reals(self._averages)
        changes = torch._foreach_sub(_reals(self._tensors), averages)
        torch._foreach_mul_(changes, share.to(changes[0].dtype))
        torch._foreach_add_(averages, changes)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the module the averages until the context ends."""
        self._look()
        places = list(enumerate(self.known.values()))
        self._exchange(places)
        try:
            yield
        finally:
            for _, name in self._buffers:
                # What an evaluation puts in the place of an average is not what the run goes on with.
                table, local = self.known[name].place
                table[local] = self.known[name].tensor
            # Backwards: a weight that two layers share stands here twice.
            self._exchange(places[::-1])

    def _look(self) -> None:
        """Find the tensors that the module has put in the place of its buffers, as `self.mean = 0.9 * self.mean + ...`
        does. The average of one that has another form begins anew.
        """
        for number, name in self._buffers:
            weight = self.known[name]
            table, local = weight.place
            tensor = table[local]
            if tensor is weight.tensor or tensor is None:
                continue
            self.known[name] = replace(weight, tensor=tensor, order=tuple(range(tensor.dim())))
            self._tensors[number], average = tensor.detach(), self._averages[number]
            if (tensor.shape, tensor.dtype, tensor.device) != (average.shape, average.dtype, average.device):
                self._averages[number] = tensor.detach().clone()

    def _exchange(self, places: Sequence[tuple[int, Weight]]) -> None:
        """Exchange weights and averages by their pointers: the optimizer knows the parameters, not their memory."""
        for number, weight in places:
            weight.tensor.data, self._averages[number] = self._averages[number], weight.tensor.data

    @torch.no_grad()
    def restart(self) -> None:
        """Begin a new average with the current weights."""
        self._look()
        self.steps = 0
        torch._foreach_copy_(self._averages, self._tensors)

    @torch.no_grad()
    def begin(self, names: Collection[str]) -> None:
        """Begin the averages of these weights with the weights as they are."""
        self._look()
        for number, name in enumerate(self.known):
            if name in names:
                self._averages[number].copy_(self._tensors[number])

    def items(self) -> Iterator[tuple[str, Weight, torch.Tensor]]:
        """(neutral name, weight, average) of each."""
        for (name, weight), average in zip(self.known.items(), self._averages, strict=True):
            yield name, weight, average


def _is_averaged(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _reals(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The same memory as real numbers, a complex one as two: one share then fits all."""
    return [torch.view_as_real(tensor) if tensor.is_complex() else tensor for tensor in tensors]
