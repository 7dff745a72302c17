"""The network that `plugins.unet` declares, in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dltui.plugins.architectures import kernel_limit
from dltui.plugins.torch.layers import initialize, norm
from dltui.plugins.unet import FILTER, Level, down, up

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.plugins.unet import UnetConfig


class Unet(nn.Module):
    """Logits (n, classes, height, width) of images (n, channels, height, width)."""

    def __init__(self, config: UnetConfig, spec: Spec) -> None:
        super().__init__()
        self._down, self._up = down(config, spec), up(config)
        for number, level in enumerate(self._down, start=1):
            self._add(level)
            if number <= config.depth:
                self.add_module(f"pool{number}", nn.MaxPool2d(2, ceil_mode=True))
        for level in self._up:
            self.add_module(f"{level.name}double", nn.Upsample(scale_factor=2))
            self._add(level)
        last = nn.Conv2d(config.width, spec.outputs, 1)
        self.output = initialize(last, kernel_limit(config.width, relu=False))

    def _add(self, level: Level) -> None:
        for number, inputs in ((1, level.inputs), (2, level.outputs)):
            # Without a bias, which the norm after it has.
            layer = nn.Conv2d(inputs, level.outputs, FILTER, padding=FILTER // 2, bias=False)
            limit = kernel_limit(inputs * FILTER * FILTER, relu=True)
            self.add_module(f"{level.name}conv{number}", initialize(layer, limit))
            self.add_module(f"{level.name}norm{number}", norm(level.outputs))
            self.add_module(f"{level.name}relu{number}", nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        beside: list[Tensor] = []
        for number, level in enumerate(self._down, start=1):
            x = self._through(level, x)
            if number < len(self._down):
                beside.append(x)
                x = self.get_submodule(f"pool{number}")(x)
        for level in self._up:
            own = beside.pop()
            x = self.get_submodule(f"{level.name}double")(x)[..., : own.shape[2], : own.shape[3]]
            x = self._through(level, torch.cat([x, own], dim=1))
        found: Tensor = self.output(x)
        return found

    def _through(self, level: Level, x: Tensor) -> Tensor:
        for number in (1, 2):
            for kind in ("conv", "norm", "relu"):
                x = self.get_submodule(f"{level.name}{kind}{number}")(x)
        return x
