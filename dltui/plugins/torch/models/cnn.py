"""A convolutional network in PyTorch: LeNet's layout (LeCun et al. 1998) with batch norm and ReLU."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.architectures import HEAD, CnnConfig, pooled_size, working_size

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: CnnConfig, spec: Spec) -> nn.Module:
    from torch import nn

    from dltui.plugins.torch.layers import FlattenNHWC, Resize, convolution, dense, norm

    size = working_size(spec)
    first, second = config.channels
    stack: OrderedDict[str, nn.Module] = OrderedDict()
    if size != spec.input_shape[:2]:
        stack["resize"] = Resize(size)
    stack["conv1"] = convolution(spec.input_shape[2], first, same_size=True)
    stack["norm1"], stack["relu1"], stack["pool1"] = norm(first), nn.ReLU(inplace=True), nn.AvgPool2d(2)
    stack["conv2"] = convolution(first, second, same_size=False)
    stack["norm2"], stack["relu2"], stack["pool2"] = norm(second), nn.ReLU(inplace=True), nn.AvgPool2d(2)
    stack["flatten"] = FlattenNHWC()
    height, width = pooled_size(size)
    inputs = height * width * second
    for number, outputs in enumerate(HEAD, start=1):
        stack[f"dense{number}"] = dense(inputs, outputs, relu=True)
        stack[f"relu{number + 2}"] = nn.ReLU()
        if config.dropout:
            stack[f"dropout{number}"] = nn.Dropout(config.dropout)
        inputs = outputs
    stack["output"] = dense(inputs, spec.outputs, relu=False)
    return nn.Sequential(stack)


MODEL = Model(
    id="cnn-torch",
    name="cnn",
    framework="torch",
    task="classification",
    also=("multilabel", "regression"),
    summary="a convolutional network: LeNet's layout with batch norm and ReLU",
    config=CnnConfig,
    build=build,
    needs_images=True,
)
