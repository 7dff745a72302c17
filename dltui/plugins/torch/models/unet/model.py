"""The U-Net (Ronneberger et al. 2015) in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.unet import UnetConfig

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: UnetConfig, spec: Spec) -> nn.Module:
    from dltui.plugins.torch.models.unet.network import Unet

    return Unet(config, spec)


MODEL = Model(
    id="unet-torch",
    name="unet",
    framework="torch",
    task="segmentation",
    summary="a U-Net: a class for each pixel, 486,000 parameters",
    config=UnetConfig,
    build=build,
    needs_images=True,
)
