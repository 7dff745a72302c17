"""Random numbers of several ranks: dropout draws for the whole batch, and each rank takes those of its samples.

So dropout is the same on any number of ranks. All else that draws in a step, such as an LSTM's dropout between its
layers or `torch.rand`, has numbers of its own on each rank, which follow from the seed, the step and the rank.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dltui.core.contract.shares import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.plugins.torch.ranks.group import Group

FEATURES = ("dropout1d", "dropout2d", "dropout3d")


class Draws:
    """The generators from which all ranks draw the same numbers, by the type of their device: in the place of those of
    a process on one device, also in its checkpoints.
    """

    def __init__(self, group: Group, device: torch.device, seed: int, parts: int = 1) -> None:
        """Each batch is trained in so many `parts`."""
        self._group, self._device, self._seed, self._parts = group, device, seed, parts
        self.shared = {"cpu": torch.Generator(), device.type: torch.Generator(device)}
        self.shared["cpu"].set_state(torch.get_rng_state())
        if device.type == "cuda":
            self.shared["cuda"].set_state(torch.cuda.get_rng_state(device))

    def begin_step(self, step: int, batch: int) -> None:
        """Give this rank the numbers of its own for a global step, whose batch has so many samples."""
        if are_uneven(batch, self._parts, self._group.world):
            self._follow_first()
        words = np.random.SeedSequence([self._seed, step, self._group.number]).generate_state(2)
        own = int(words[0]) << 31 | int(words[1]) >> 1
        torch.default_generator.manual_seed(own)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(own)

    def _follow_first(self) -> None:
        """Take the shared generators of the first rank. Where ranks have shares of different sizes, those of one may
        look like rows of samples to it, and not those of another, such as of a network with the time first.
        """
        states = [generator.get_state() for generator in self.shared.values()]
        firsts = torch.split(self._group.first(torch.cat(states)), [len(state) for state in states])
        for generator, state in zip(self.shared.values(), firsts, strict=True):
            generator.set_state(state.clone())

    def install(self) -> None:
        """Let dropout of this process draw for the whole batch during steps."""
        functional.dropout = self._instead_of(functional.dropout, features=False)
        for name in FEATURES:
            setattr(functional, name, self._instead_of(getattr(functional, name), features=True))

    def _instead_of(self, alone: Callable[..., Tensor], features: bool) -> Any:
        def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
            together = self._group.in_step and training and 0 < p < 1 and input.dim() > 1
            if not together or len(input) % self._group.part.samples:
                return alone(input, p, training, inplace)
            noise = self._noise(input, features, p)
            return input.mul_(noise) if inplace else input * noise

        return dropout

    def _noise(self, x: Tensor, features: bool, p: float) -> Tensor:
        """The factors of this rank's samples. Rows of x are samples, or several rows for each one after the other."""
        part = self._group.part
        each = len(x) // part.samples
        rest = (x.shape[1], *(1 for _ in x.shape[2:])) if features else x.shape[1:]
        last = x.dim() == 4 and not features and not x.is_contiguous() and _is_channels_last(x)
        layout = torch.channels_last if last else torch.contiguous_format
        noise = torch.empty((part.whole * each, *rest), dtype=x.dtype, device=x.device, memory_format=layout)
        noise.bernoulli_(1 - p, generator=self.shared[x.device.type]).div_(1 - p)
        if each > 1:
            noise, layout = noise.reshape(part.whole, each, *rest), torch.contiguous_format
        # A copy: a view would keep the noise of all ranks until the gradients are computed.
        own = noise[part.first :: self._group.world].clone(memory_format=layout)
        return own.flatten(0, 1) if each > 1 else own


@cache
def are_uneven(batch: int, parts: int, world: int) -> bool:
    """True if ranks have shares of different sizes in a part of a batch."""
    return any(part.whole % world for part in parts_of(batch, parts))


def _is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)
