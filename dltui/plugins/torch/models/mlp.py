"""A multilayer perceptron in PyTorch: dense layers with ReLU between them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.architectures import MlpConfig, features

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: MlpConfig, spec: Spec) -> nn.Module:
    from torch import nn

    from dltui.plugins.torch.layers import FlattenNHWC, dense

    stack: OrderedDict[str, nn.Module] = OrderedDict(flatten=FlattenNHWC())
    width = features(spec)
    for number, wider in enumerate(config.layers, start=1):
        stack[f"dense{number}"] = dense(width, wider, relu=True)
        stack[f"relu{number}"] = nn.ReLU()
        if config.dropout:
            stack[f"dropout{number}"] = nn.Dropout(config.dropout)
        width = wider
    stack["output"] = dense(width, spec.outputs, relu=False)
    return nn.Sequential(stack)


MODEL = Model(
    id="mlp-torch",
    name="mlp",
    framework="torch",
    task="classification",
    also=("multilabel", "regression"),
    summary="a multilayer perceptron: dense layers with ReLU, 784 hidden units by default",
    config=MlpConfig,
    build=build,
)
