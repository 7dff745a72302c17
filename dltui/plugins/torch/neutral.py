"""Maps PyTorch's parameters to neutral names and layouts, which both frameworks and the checkpoints share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
_NORM_NAMES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_KERNELS = (nn.Linear, nn.modules.conv._ConvNd)


@dataclass(frozen=True)
class Weight:
    """A parameter or buffer under its neutral name; `order` permutes its axes into the neutral layout, `place` is the
    table of its layer and the name there.
    """

    name: str
    tensor: Tensor
    order: tuple[int, ...]
    place: tuple[dict[str, Any], str]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in the neutral layout; a complex number counts as two."""
        return tuple(self.tensor.shape[axis] for axis in self.order) + ((2,) if self.tensor.is_complex() else ())

    def export(self, tensor: Tensor | None = None) -> Array:
        """A copy in the neutral layout of the weight, or of a tensor of its shape (an optimizer's slot)."""
        values = (self.tensor if tensor is None else tensor).detach().permute(self.order)
        return to_array(values)

    def assign(self, array: Array, tensor: Tensor | None = None) -> None:
        """Fill the weight, or a tensor of its shape, from an array in the neutral layout."""
        target = (self.tensor if tensor is None else tensor).detach().permute(self.order)
        with torch.no_grad():
            target = torch.view_as_real(target) if target.is_complex() else target
            target.copy_(torch.from_numpy(np.ascontiguousarray(array)).reshape(target.shape))


def to_array(tensor: Tensor) -> Array:
    """A copy as an array. NumPy and safetensors know neither half precision nor complex numbers, which become floats
    and pairs of floats.
    """
    values = tensor.detach()
    if values.dtype in (torch.bfloat16, torch.float16):
        values = values.float()
    if values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    return cast("Array", np.array(values.cpu().numpy(), order="C", copy=True))


def weights(module: nn.Module) -> dict[str, Weight]:
    """All parameters and persistent buffers by neutral name "<layer>/<name>", in the module's order. Raises RunError
    where two have the same name, because a checkpoint would keep only one of them, and for a sparse one.
    """
    found: dict[str, Weight] = {}
    for path, layer in module.named_modules():
        for local, tensor, table in _own(layer):
            if tensor is None or local in layer._non_persistent_buffers_set or _is_unused(layer, local):
                continue
            name = f"{path.replace('.', '/') or 'model'}/{_local_name(layer, local)}"
            if name in found:
                raise RunError(f"two weights of this network are called {name}; rename the attribute of one")
            if tensor.layout != torch.strided:
                raise RunError(_sparse(name, local in layer._buffers))
            found[name] = Weight(name, tensor, _order(layer, local, tensor.dim()), (table, local))
    return found


def _own(layer: nn.Module) -> Iterator[tuple[str, Tensor | None, dict[str, Any]]]:
    """The names and tensors of a layer's own parameters and buffers, and the tables that have them."""
    tables: tuple[dict[str, Any], ...] = (layer._parameters, layer._buffers)
    for table in tables:
        for local, tensor in table.items():
            yield local, tensor, table


def _sparse(name: str, is_buffer: bool) -> str:
    if is_buffer:
        return f"the buffer {name} is sparse, which no checkpoint holds; register it with persistent=False"
    return f"the parameter {name} is sparse, which no checkpoint holds; make it dense"


def _local_name(layer: nn.Module, local: str) -> str:
    if isinstance(layer, _NORMS):
        return _NORM_NAMES.get(local, local)
    if isinstance(layer, _KERNELS) and local == "weight":
        return "kernel"
    if isinstance(layer, nn.Embedding) and local == "weight":
        return "embeddings"
    return local


def _order(layer: nn.Module, local: str, dims: int) -> tuple[int, ...]:
    """The axes of the neutral layout: dense (out, in) becomes (in, out); convolutions (out, in, h, w) become HWIO."""
    if isinstance(layer, _KERNELS) and local == "weight":
        return (*range(2, dims), 1, 0)
    return tuple(range(dims))


def _is_unused(layer: nn.Module, local: str) -> bool:
    """True for a batch norm's batch counter, except where momentum is None (a cumulative average)."""
    return local == "num_batches_tracked" and getattr(layer, "momentum", None) is not None
