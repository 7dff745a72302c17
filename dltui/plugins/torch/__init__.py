"""Registers PyTorch: models, families and the backend that trains them. Importing this imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract.hooks import hookimpl
from dltui.plugins.torch.backend import TorchBackend
from dltui.plugins.torch.families import timm, torchvision
from dltui.plugins.torch.models import (
    cnn,
    cnn_small,
    linear_regression,
    lstm,
    mlp,
    resnet,
    resnet18,
    softmax,
    tabular,
    transformer,
)
from dltui.plugins.torch.models.unet import model

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Model
    from dltui.core.contract.families import Family


@hookimpl
def dltui_models() -> list[Model]:
    modules = (linear_regression, softmax, mlp, cnn, cnn_small, resnet, resnet18, tabular, lstm, transformer, model)
    return [module.MODEL for module in modules]


@hookimpl
def dltui_families() -> list[Family]:
    return [timm.FAMILY, torchvision.FAMILY]


@hookimpl
def dltui_backends() -> list[Backend]:
    return [TorchBackend()]
