"""What the checks of the PyTorch plugin share."""

from __future__ import annotations

from typing import Any

from dltui.core.contract import Data
from dltui.core.train.plan import Planner
from dltui.plugins import torch as plugin

BACKEND = plugin.TorchBackend()
MODELS = {model.name: model for model in plugin.dltui_models()}


def make(name: str, data: Data, **config: Any) -> tuple[Any, Planner]:
    """A built-in model on one core and the planner of its run: tests run beside each other."""
    checked = MODELS[name].config.model_validate({"threads": 1} | config)
    return BACKEND.trainable(MODELS[name], checked, data, "cpu"), Planner(checked, len(data.train))


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key in one:
        assert one[key].dtype == other[key].dtype, key
        assert one[key].tobytes() == other[key].tobytes(), key
