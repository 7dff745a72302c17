"""A small residual network in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.residual import CnnSmallConfig

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: CnnSmallConfig, spec: Spec) -> nn.Module:
    from dltui.plugins.torch.models import residual

    return residual.build(config, spec)


MODEL = Model(
    id="cnn-small-torch",
    name="cnn-small",
    framework="torch",
    task="classification",
    also=("multilabel", "regression"),
    summary="a small residual network: 97,000 parameters for gray images",
    config=CnnSmallConfig,
    build=build,
    needs_images=True,
)
