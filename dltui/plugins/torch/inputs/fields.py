"""Takes records that lie on a device as bytes apart into the named tensors that a module gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.core.contract.inputs import LENGTH, MASK
from dltui.core.inputs.records import as_rows, record_type, zeros

if TYPE_CHECKING:
    import numpy as np

    from dltui.core.contract import Spec
    from dltui.core.contract.inputs import Input

    Inputs = Tensor | Mapping[str, Tensor]

TYPES = {"float32": torch.float32, "int32": torch.int32, "uint8": torch.uint8}


class Fields:
    """The named inputs of records in rows of bytes (n, bytes): floats normalized, with zeros behind a padded sequence,
    images as (n, channels, height, width), categories and tokens as int64, and masks as bool (n, steps).
    """

    def __init__(self, spec: Spec, device: torch.device, dtype: torch.dtype) -> None:
        self._inputs, self._dtype = spec.named_inputs, dtype
        fields = dict(record_type(spec.named_inputs).fields or {})
        self._places = {name: _place(field[0], field[1]) for name, field in fields.items()}
        self._scales = {
            one.name: tuple(torch.tensor(values, dtype=dtype, device=device) for values in (one.mean, one.std))
            for one in spec.named_inputs
        }
        self._steps = {one.name: torch.arange(one.shape[0], device=device) for one in spec.named_inputs if one.padded}

    def __call__(self, rows: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for one in self._inputs:
            found[one.name] = values = self._values(one, self._read(one.name, rows, one))
            if one.padded:
                lengths = self._read(one.name + LENGTH, rows, None)
                found[one.name + MASK] = mask = self._steps[one.name] < lengths[:, None]
                found[one.name] = masked(values, mask)
        return found

    def _read(self, name: str, rows: Tensor, one: Input | None) -> Tensor:
        first, size = self._places[name]
        piece = rows[:, first : first + size].contiguous()
        return piece.view(TYPES[one.dtype]).view(-1, *one.shape) if one else piece.view(torch.int32).view(-1)

    def _values(self, one: Input, values: Tensor) -> Tensor:
        if one.dtype == "int32":
            return values.to(torch.int64)
        mean, std = self._scales[one.name]
        values = (values.to(self._dtype) - mean) / std
        return values.movedim(-1, 1).contiguous() if one.is_image else values


def masked(values: Tensor, mask: Tensor) -> Tensor:
    """The values with zeros where the mask (n, steps) is False."""
    return values.masked_fill(~mask.view(*mask.shape, *(1 for _ in values.shape[2:])), 0)


def mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean of the steps (n, steps, values) that the mask shows."""
    if mask is None:
        return x.mean(dim=1)
    shown = mask.to(x.dtype).unsqueeze(2)
    return (x * shown).sum(dim=1) / shown.sum(dim=1)


def _place(kind: np.dtype[Any], first: int) -> tuple[int, int]:
    return first, kind.itemsize


def example(spec: Spec, samples: int, like: Tensor) -> dict[str, Tensor]:
    """The named inputs of samples of zeros, on the device and in the type of a tensor."""
    rows = torch.from_numpy(as_rows(zeros(spec.named_inputs, samples))).to(like.device)
    return Fields(spec, like.device, like.dtype)(rows)


def count(inputs: Inputs) -> int:
    """The number of samples."""
    return len(inputs) if isinstance(inputs, Tensor) else len(next(iter(inputs.values())))


def pieces(inputs: Inputs, sizes: list[int]) -> list[Inputs]:
    """The samples in consecutive parts of these sizes."""
    if isinstance(inputs, Tensor):
        return list(torch.split(inputs, sizes))
    each = {name: torch.split(tensor, sizes) for name, tensor in inputs.items()}
    return [{name: tensors[number] for name, tensors in each.items()} for number in range(len(sizes))]
