"""Random changes of training samples: planned here as numbers, applied by every framework alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig


def for_images(config: Mapping[str, Any]) -> str:
    """The first option of a config that only images can have, as "erase 0.25", or ""."""
    off = {"augment": "none", "color": 0.0, "erase": 0.0, "cutmix": 0.0, "mirror_test": False}
    return next((f"{name} {config[name]}" for name, value in off.items() if config.get(name, value) != value), "")


def check(config: TrainConfig, shape: tuple[int, ...]) -> None:
    """Check that samples of this shape can be changed as the config asks. Raises RunError."""
    option = for_images(config.model_dump()) if len(shape) != 3 else ""
    if config.mixup and not shape:
        raise RunError(f"mixup {config.mixup:g} needs samples that are a single input; leave it out")
    if option:
        raise RunError(f"{option} needs images, the samples of this dataset have the shape {shape}")
