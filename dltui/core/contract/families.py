"""Families of models: what a plugin gives for models that are found by name in a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dltui.core.contract import Model


@dataclass(frozen=True)
class Member:
    """A member of a family. `image_size` is the side in pixels of the images that it is made for, 0 for any. `weights`
    says whether pretrained ones can be had: "here", by "download", or not at all. `parameters` is 0 until counted.
    """

    name: str
    image_size: int = 0
    weights: Literal["", "download", "here"] = ""
    parameters: int = 0


@dataclass(frozen=True)
class Family:
    """Models that are found by name: `dltui train timm:resnet18` trains the member "resnet18" of the family "timm".

    `members` lists them without their parameters; `about` tells all of one member. Both may import the framework: they
    are called in a process of their own. `model` makes the model with the id and name "timm:resnet18" of any name, and
    is cheap; all members share its framework, task, config and requirements.
    """

    name: str
    summary: str
    members: Callable[[], Sequence[Member]]
    model: Callable[[str], Model]
    about: Callable[[str], Member]
