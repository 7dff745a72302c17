"""A family of models in NumPy, for use beside `fake_plugin.py`: its list of members counts how often it was made."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from dltui import Family, Member, Model, RunError, Spec, TrainConfig, hookimpl

if TYPE_CHECKING:
    from dltui.core.contract.types import State

MEMBERS = {"small": 0, "large": 16, "large-wide": 16, "lost": 0}


class Config(TrainConfig):
    epochs: int = Field(2, ge=1, le=10_000, description="passes over the training data")
    batch_size: int = Field(32, ge=1, le=65_536, description="samples per step")
    step_seconds: float = Field(0.0, ge=0, le=60, description="sleep in each step")
    bias: float = Field(0.5, description="of each class, at first")


def members() -> list[Member]:
    count = os.environ.get("TOY_COUNT")
    if count:
        with Path(count).open("a") as file:
            file.write("listed\n")
    return [*(Member(name, size, "download") for name, size in MEMBERS.items()), Member("Not a name")]


def about(name: str) -> Member:
    return Member(name, MEMBERS[name], "here", 100 * len(name))


def build(name: str, config: Config, spec: Spec) -> Any:
    from types import SimpleNamespace

    assert name in MEMBERS
    inputs = int(np.prod(spec.input_shape))

    class Affine(SimpleNamespace):
        def __call__(self, x: Any) -> Any:
            return x @ self.kernel + self.bias

    return Affine(kernel=np.zeros((inputs, spec.outputs), np.float32), bias=np.zeros(spec.outputs, np.float32))


def initial(name: str, config: Config, spec: Spec, progress: Callable[[str], None]) -> State:
    progress("getting the weights")
    if name == "lost":
        raise RunError("toy:lost has no weights here; give others")
    return {"weights/dense/bias": np.full(spec.outputs, config.bias, np.float32)}


def model(name: str) -> Model:
    both = {"id": f"toy:{name}", "name": f"toy:{name}"}
    make, begin = partial(build, name), partial(initial, name)
    return Model(
        **both,
        framework="numpy",
        task="classification",
        summary="a toy",
        config=Config,
        build=make,
        image_size=MEMBERS.get(name, 0),
        initial=begin,
    )


@hookimpl
def dltui_families() -> list[Family]:
    return [Family("toy", "toys of several sizes", members, model, about)]
