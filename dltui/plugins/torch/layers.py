"""The layers of the built-in PyTorch models, initialized as `architectures` declares, and the listing of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, nn
from torch.nn import functional

from dltui.core.contract import Layer
from dltui.plugins.architectures import KERNEL, NORM_EPSILON, NORM_MOMENTUM, kernel_limit
from dltui.plugins.torch import module as modules

if TYPE_CHECKING:
    from dltui.core.contract import Spec

T = TypeVar("T", nn.Linear, nn.Conv2d)
LINE = (nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d, nn.InstanceNorm1d, nn.MaxPool1d, nn.AvgPool1d,
        nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d, nn.Upsample)  # fmt: skip
"""Layers that take (n, channels, length)."""


class FlattenNHWC(nn.Module):
    """Flattens images (n, c, h, w) in the order height, width, channel; vectors stay."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1).flatten(1)


class Resize(nn.Module):
    """Scales images bilinearly (half-pixel centers, no antialiasing)."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, self.size, mode="bilinear", align_corners=False)


def dense(inputs: int, outputs: int, relu: bool) -> nn.Linear:
    """A dense layer; `relu` is true if a ReLU follows."""
    layer = nn.Linear(inputs, outputs)
    return initialize(layer, kernel_limit(inputs, relu))


def convolution(inputs: int, outputs: int, same_size: bool) -> nn.Conv2d:
    """A 5x5 convolution that keeps the image's size by zero padding, or does not pad."""
    layer = nn.Conv2d(inputs, outputs, KERNEL, padding=KERNEL // 2 if same_size else 0)
    return initialize(layer, kernel_limit(inputs * KERNEL * KERNEL, relu=True))


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)


def initialize(layer: T, limit: float) -> T:
    """The layer with a kernel uniform in (-limit, limit) and without a bias's effect."""
    nn.init.uniform_(layer.weight, -limit, limit)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def list_layers(module: nn.Module, spec: Spec, channels_last: bool = False) -> list[Layer]:
    """The modules in forward order with their output shapes, by one forward pass of zeros in evaluation mode.

    Parameters are counted once, where they are first used; modules that are not called as such come last, without a
    shape.
    """
    waiting = {layer: name or "model" for name, layer in module.named_modules() if _is_row(layer)}
    rows: list[Layer] = []
    counted: set[int] = set()

    def hook(layer: nn.Module, _: object, output: Any) -> None:
        rows.append(Layer(names[layer], type(layer).__name__, _shape(layer, output), _count(layer, counted)))
        waiting.pop(layer, None)

    names = dict(waiting)
    handles = [layer.register_forward_hook(hook) for layer in names]
    try:
        modules.try_out(module, spec, channels_last, samples=1)
    finally:
        for handle in handles:
            handle.remove()
    unused = [Layer(name, type(layer).__name__, (), _count(layer, counted)) for layer, name in waiting.items()]
    return rows + [layer for layer in unused if layer.parameters]


def _is_row(layer: nn.Module) -> bool:
    """True for leaf modules, and for modules around others that hold parameters themselves."""
    return not list(layer.children()) or bool(list(layer.parameters(recurse=False)))


def _count(layer: nn.Module, counted: set[int]) -> int:
    """The number of parameters of a layer that have not been counted yet: two layers may share one."""
    new = [weight for weight in layer.parameters(recurse=False) if id(weight) not in counted]
    counted.update(map(id, new))
    return sum(weight.numel() for weight in new)


def _shape(layer: nn.Module, output: Any) -> tuple[int, ...]:
    """The shape of a sample's output, channels last; for several tensors, as recurrent layers return them, that of the
    first.
    """
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor) or not output.dim():
        return ()
    # Three dimensions are (n, c, length) for what works along a line, and tokens for all others.
    moves = output.dim() > 3 or (output.dim() == 3 and isinstance(layer, LINE))
    return tuple((output.movedim(1, -1) if moves else output).shape[1:])


def embedding(size: int, width: int) -> nn.Embedding:
    """A table of vectors, uniform with the variance 1 / width."""
    layer = nn.Embedding(size, width)
    limit = kernel_limit(width, relu=False)
    nn.init.uniform_(layer.weight, -limit, limit)
    return layer
