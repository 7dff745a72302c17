"""Registers TensorFlow: models, a family and the backend that trains them. Importing this imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract.hooks import hookimpl
from dltui.plugins.tensorflow.backend import TensorFlowBackend
from dltui.plugins.tensorflow.families import keras
from dltui.plugins.tensorflow.models import (
    cnn,
    cnn_small,
    linear_regression,
    lstm,
    mlp,
    resnet,
    softmax,
    tabular,
    transformer,
    unet,
)

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Model
    from dltui.core.contract.families import Family


@hookimpl
def dltui_models() -> list[Model]:
    modules = (linear_regression, softmax, mlp, cnn, cnn_small, resnet, tabular, lstm, transformer, unet)
    return [module.MODEL for module in modules]


@hookimpl
def dltui_families() -> list[Family]:
    return [keras.FAMILY]


@hookimpl
def dltui_backends() -> list[Backend]:
    return [TensorFlowBackend()]
