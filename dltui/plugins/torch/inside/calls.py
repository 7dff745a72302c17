"""The calls of a module's layers in a forward pass, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn

if TYPE_CHECKING:
    from dltui.plugins.torch.trainable import TorchTrainable


class Called(NamedTuple):
    """A layer with the first tensor that it got, and the one that it gave."""

    layer: nn.Module
    given: Tensor
    output: Tensor


@contextmanager
def recorded(module: nn.Module) -> Iterator[list[Called]]:
    """The calls of all layers of a module, as they are made inside this context."""
    calls: list[Called] = []

    def hook(layer: nn.Module, given: Any, output: Any) -> None:
        # A sum or a concatenation may get a list.
        values = (value for each in given for value in (each if isinstance(each, list | tuple) else (each,)))
        first = next((value for value in values if isinstance(value, Tensor)), None)
        if first is not None and isinstance(output, Tensor):
            calls.append(Called(layer, first, output))

    handles = [layer.register_forward_hook(hook) for layer in module.modules()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def evaluated(trainable: TorchTrainable) -> Iterator[nn.Module]:
    """The module of a trainable in evaluation mode; afterwards each of its layers is as it was, frozen norms too."""
    before = [(layer, layer.training) for layer in trainable.module.modules()]
    try:
        yield trainable.module.eval()
    finally:
        for layer, training in before:
            layer.training = training
