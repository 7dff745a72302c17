"""The residual networks that `plugins.residual` declares, in PyTorch."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import Tensor, nn

from dltui.plugins.architectures import kernel_limit, working_size
from dltui.plugins.residual import FILTER, Row, rows
from dltui.plugins.torch.layers import Resize, dense, initialize, norm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dltui.core.contract import Spec
    from dltui.plugins.residual import CnnSmallConfig, Kind


class Add(nn.Module):
    """The sum of two inputs."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Mean(nn.Module):
    """The mean of each channel of images (n, channels, height, width)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class ResidualNet(nn.Sequential):
    """Layers in a row, of which each `Add` gets the input of its block as well."""

    def __init__(self, layers: Sequence[Row], size: tuple[int, int]) -> None:
        super().__init__(OrderedDict((row.name, _layer(row, size)) for row in layers))
        self._in_block = [row.in_block for row in layers]

    def forward(self, x: Tensor) -> Tensor:
        start = x
        for layer, in_block in zip(self, self._in_block, strict=True):
            if isinstance(layer, Add):
                x = start = layer(x, start)
            elif in_block:
                x = layer(x)
            else:
                x = start = layer(x)
        return x


def build(config: CnnSmallConfig, spec: Spec) -> nn.Module:
    return ResidualNet(list(rows(config, spec)), working_size(spec))


def _layer(row: Row, size: tuple[int, int]) -> nn.Module:
    makers: dict[Kind, Callable[[], nn.Module]] = {
        "resize": lambda: Resize(size),
        "conv": lambda: _convolution(row),
        "norm": lambda: norm(row.outputs),
        "relu": lambda: nn.ReLU(inplace=True),
        "add": Add,
        "pool": lambda: nn.MaxPool2d(2),
        "mean": Mean,
        "dense": lambda: dense(row.inputs, row.outputs, relu=False),
    }
    return makers[row.kind]()


def _convolution(row: Row) -> nn.Conv2d:
    """A convolution without a bias, which the norm after it has."""
    layer = nn.Conv2d(row.inputs, row.outputs, FILTER, padding=FILTER // 2, bias=False)
    return initialize(layer, kernel_limit(row.inputs * FILTER * FILTER, relu=True))
