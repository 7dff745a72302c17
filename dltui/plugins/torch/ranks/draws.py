"""Random numbers of several ranks: dropout draws for the whole batch, and each rank takes those of its samples.

So dropout is the same on any number of ranks. All else that draws in a step, such as an LSTM's dropout between its
layers or `torch.rand`, has numbers of its own on each rank, which follow from the seed, the step and the rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.plugins.torch.ranks.group import Group

FEATURES = ("dropout1d", "dropout2d", "dropout3d")


class Draws:
    """The generators from which all ranks draw the same numbers, by the type of their device: in the place of those of
    a process on one device, also in its checkpoints.
    """

    def __init__(self, group: Group, device: torch.device, seed: int) -> None:
        self._group, self._device, self._seed = group, device, seed
        self.shared = {"cpu": torch.Generator(), device.type: torch.Generator(device)}
        self.shared["cpu"].set_state(torch.get_rng_state())
        if device.type == "cuda":
            self.shared["cuda"].set_state(torch.cuda.get_rng_state(device))

    def begin_step(self, step: int) -> None:
        """Give this rank the numbers of its own for a global step."""
        words = np.random.SeedSequence([self._seed, step, self._group.number]).generate_state(2)
        own = int(words[0]) << 31 | int(words[1]) >> 1
        torch.default_generator.manual_seed(own)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(own)

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
            noise = noise.reshape(part.whole, each, *rest)
        own = noise[part.first :: self._group.world]
        return own.flatten(0, 1) if each > 1 else own


def _is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)
