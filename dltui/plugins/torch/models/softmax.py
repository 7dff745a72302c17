"""Softmax regression in PyTorch: one dense layer and the cross-entropy."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.architectures import SoftmaxConfig, features

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: SoftmaxConfig, spec: Spec) -> nn.Module:
    from torch import nn

    from dltui.plugins.torch.layers import FlattenNHWC, dense

    return nn.Sequential(OrderedDict(flatten=FlattenNHWC(), dense=dense(features(spec), spec.outputs, relu=False)))


MODEL = Model(
    id="softmax-torch",
    name="softmax",
    framework="torch",
    task="classification",
    also=("multilabel",),
    summary="softmax regression: one dense layer, the simplest classifier that learns",
    config=SoftmaxConfig,
    build=build,
)
