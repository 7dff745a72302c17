"""ResNet-18 (He et al. 2016) in PyTorch, from torchvision, with a stem that fits small images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dltui.core.contract import Model
from dltui.core.contract.config import Schedule, TrainConfig
from dltui.core.errors import RunError
from dltui.plugins.architectures import override

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec

LARGE = 64
"""From this side on an image keeps ImageNet's stem, which shrinks it to a quarter before the first block."""


class ResNet18Config(TrainConfig):
    """The hyperparameters usual for CIFAR-10, with cross-entropy."""

    lr: float = override("lr", 0.1)
    batch_size: int = override("batch_size", 128)
    optimizer: Literal["sgd", "adamw"] = override("optimizer", "sgd")
    weight_decay: float = override("weight_decay", 5e-4)
    schedule: Schedule = override("schedule", "one-cycle")


def build(config: ResNet18Config, spec: Spec) -> nn.Module:
    from torch import nn

    try:
        from torchvision.models import resnet18
    except (ImportError, RuntimeError) as error:
        # Built against another torch: "operator torchvision::nms does not exist".
        raise RunError(f"torchvision does not fit this PyTorch ({error}); pip install -U torch torchvision") from error
    if not spec.is_image:
        raise RunError(f"ResNet-18 needs images (height, width, channels), this dataset has shape {spec.input_shape}")
    height, width, channels = spec.input_shape
    net: nn.Module = resnet18(weights=None, num_classes=spec.outputs)
    if min(height, width) < LARGE:
        stem = nn.Conv2d(channels, 64, 3, stride=1, padding=1, bias=False)
        net.maxpool = nn.Identity()
    else:
        stem = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    net.conv1 = stem
    return net


MODEL = Model(
    id="resnet18-torch",
    name="resnet18",
    framework="torch",
    task="classification",
    summary="ResNet-18 from torchvision, with a stem for small images",
    config=ResNet18Config,
    build=build,
    needs_images=True,
    requires=("torchvision",),
)
