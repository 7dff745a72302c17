"""Linear regression in PyTorch: one dense layer and the mean squared error."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.architectures import LinearRegressionConfig, features

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: LinearRegressionConfig, spec: Spec) -> nn.Module:
    from torch import nn

    from dltui.plugins.torch.layers import FlattenNHWC, dense

    return nn.Sequential(OrderedDict(flatten=FlattenNHWC(), dense=dense(features(spec), spec.outputs, relu=False)))


MODEL = Model(
    id="linear-regression-torch",
    name="linear-regression",
    framework="torch",
    task="regression",
    summary="a straight line (or plane) through the points, fitted by gradient descent",
    config=LinearRegressionConfig,
    build=build,
)
