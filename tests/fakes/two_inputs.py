"""A plugin of one file whose samples have two inputs, an image and numbers, and a model of them in each framework."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dltui.core.contract import Arrays, Dataset, Input, Model, PreparationContext, Spec
from dltui.core.contract.config import DatasetOptions, TrainConfig
from dltui.core.contract.hooks import hookimpl

INPUTS = (Input("photo", (6, 6, 1), "uint8", std=(255.0,)), Input("numbers", (2,)))
ROWS, TEST = 400, 80


def prepare(options: DatasetOptions, context: PreparationContext) -> Arrays:
    """Bright images and large numbers, or dark ones and small ones."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, ROWS)
    photo = random.integers(0, 200, (ROWS, 6, 6, 1)) + 50 * y[:, None, None, None]
    numbers = random.normal(size=(ROWS, 2)) + y[:, None]
    x = {"photo": photo.astype(np.uint8), "numbers": numbers.astype(np.float32)}
    parts = [({name: x[name][rows] for name in x}, y[rows]) for rows in (slice(TEST, None), slice(0, TEST))]
    return Arrays(parts[0], parts[1], ("dark", "bright"), named_inputs=INPUTS)


def sources(options: DatasetOptions, folders: Sequence[Path]) -> None:
    return None


def of_torch(config: TrainConfig, spec: Spec) -> Any:
    import torch
    from torch import nn

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.photo, self.numbers, self.drop = nn.Linear(36, 8), nn.Linear(2, 8), nn.Dropout(0.3)
            self.head = nn.Linear(16, spec.outputs)

        def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
            parts = [self.photo(inputs["photo"].flatten(1)), self.numbers(inputs["numbers"])]
            outputs: torch.Tensor = self.head(self.drop(torch.relu(torch.cat(parts, 1))))
            return outputs

    return Both()


def of_tensorflow(config: TrainConfig, spec: Spec) -> Any:
    from keras import Input as Symbol
    from keras import Model as Network
    from keras import layers

    inputs = {one.name: Symbol(one.shape, name=one.name) for one in spec.named_inputs}
    parts = [layers.Dense(8)(layers.Flatten()(inputs["photo"])), layers.Dense(8)(inputs["numbers"])]
    joined = layers.Dropout(0.3)(layers.ReLU()(layers.Concatenate()(parts)))
    return Network(inputs, layers.Dense(spec.outputs)(joined))


@hookimpl
def dltui_models() -> list[Model]:
    builds = {"torch": of_torch, "tensorflow": of_tensorflow}
    return [
        Model(
            f"both-{name}", "both", name, "classification", "an image and numbers", TrainConfig, build, takes=("named",)
        )
        for name, build in builds.items()
    ]


@hookimpl
def dltui_datasets() -> list[Dataset]:
    return [
        Dataset("pairs", "classification", "images beside numbers", DatasetOptions, prepare, sources, gives=("named",))
    ]
