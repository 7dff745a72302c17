"""A module with named inputs as it is exported: it takes each in the dataset's own units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dltui.core.contract.inputs import MASK
from dltui.plugins.torch.inputs.fields import masked

if TYPE_CHECKING:
    from dltui.core.contract import Spec

TYPES = {"float32": torch.float32, "int32": torch.int64, "uint8": torch.uint8}


def names(spec: Spec) -> list[str]:
    """The names of the tensors that are given, one after the other: inputs, each with its mask behind it."""
    return [name for one in spec.named_inputs for name in (one.name, one.name + MASK)[: 1 + one.padded]]


def samples(spec: Spec, count: int) -> tuple[Tensor, ...]:
    """Samples of zeros in the order of `names`."""
    found: list[Tensor] = []
    for one in spec.named_inputs:
        found.append(torch.zeros(count, *one.shape, dtype=TYPES[one.dtype]))
        if one.padded:
            found.append(torch.ones(count, one.shape[0], dtype=torch.bool))
    return tuple(found)


class Named(nn.Module):
    """Gives a module the dict that it is trained with."""

    def __init__(self, module: nn.Module, spec: Spec) -> None:
        super().__init__()
        self.module, self._inputs, self._names = module, spec.named_inputs, names(spec)
        for one in spec.named_inputs:
            self.register_buffer(f"mean_{one.name}", torch.tensor(one.mean))
            self.register_buffer(f"std_{one.name}", torch.tensor(one.std))

    def forward(self, *given: Tensor) -> Tensor:
        inputs = dict(zip(self._names, given, strict=True))
        for one in self._inputs:
            x = inputs[one.name]
            if one.dtype != "int32":
                x = (x.to(torch.float32) - self.get_buffer(f"mean_{one.name}")) / self.get_buffer(f"std_{one.name}")
                x = x.movedim(-1, 1) if one.is_image else x
            inputs[one.name] = masked(x, inputs[one.name + MASK]) if one.padded else x
        outputs: Tensor = self.module(inputs)
        return outputs
