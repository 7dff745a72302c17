"""A network of a library with what dltui puts around it: scaled images in the colors of its weights, and a new head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.core.contract.state import WEIGHTS
from dltui.plugins import pretrained
from dltui.plugins.torch import neutral
from dltui.plugins.torch.layers import Resize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dltui.core.contract import Spec
    from dltui.core.contract.types import State
    from dltui.plugins.pretrained import FamilyConfig

BACKBONE = "backbone"


class Colors(nn.Module):
    """Turns normalized values of a dataset into those that the weights expect; gray becomes three equal colors."""

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Sequence[float], shift: Sequence[float]) -> None:
        super().__init__()
        # Not in checkpoints: they follow from the dataset and the member.
        self.register_buffer("scale", torch.tensor(scale).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", torch.tensor(shift).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class Network(nn.Module):
    """A backbone that gives `features` numbers, between the dataset's images and its classes."""

    def __init__(self, backbone: nn.Module, features: int, colors: Colors, resize: nn.Module, outputs: int) -> None:
        super().__init__()
        self.resize, self.colors, self.backbone = resize, colors, backbone
        self.head = nn.Linear(features, outputs)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.backbone(self.colors(self.resize(x))))
        return outputs


def around(
    backbone: nn.Module, features: int, config: FamilyConfig, spec: Spec, size: tuple[int, int], mean: Any, std: Any
) -> Network:
    """The network around a backbone whose weights were trained with this normalization, working at this size."""
    colors = Colors(*pretrained.changed_colors(spec, config, mean, std))
    resize = nn.Identity() if size == spec.input_shape[:2] else Resize(size)
    return Network(backbone, features, colors, resize, spec.outputs)


def initial_state(make: Callable[[], nn.Module]) -> State:
    """The weights of a backbone that `make` returns, named as in a `Network`. No random number of the run is drawn."""
    with torch.random.fork_rng(devices=[]):
        # Inside another module, as there: parameters of its own, such as a class token, are named after it.
        backbone = nn.ModuleDict({BACKBONE: make()})
    return {WEIGHTS + name: weight.export() for name, weight in neutral.weights(backbone).items()}
