"""The common definition of the tabular twins: hyperparameters, and the inputs that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dltui.core.contract.config import OptimizerName, Schedule, TrainConfig, unit
from dltui.plugins.architectures import dropout, features, override

if TYPE_CHECKING:
    from dltui.core.contract import Spec

Width = Annotated[int, Field(ge=1, le=65_536)]
WIDEST = 50


class TabularConfig(TrainConfig):
    """The hyperparameters of embedded categories beside numbers, and dense layers with ReLU."""

    layers: list[Width] = Field(
        [128, 64],
        min_length=1,
        max_length=64,
        description="widths of the hidden layers",
        json_schema_extra=unit("units"),
    )
    embedding: int = Field(
        0,
        ge=0,
        le=1024,
        description="numbers that a category or a word becomes; 0: more where there are more of them",
        json_schema_extra=unit("units"),
    )
    dropout: float = dropout("hidden values")
    epochs: int = override("epochs", 60)
    batch_size: int = override("batch_size", 128)
    lr: float = override("lr", 0.01)
    optimizer: OptimizerName = override("optimizer", "adamw")
    weight_decay: float = override("weight_decay", 0.5)
    schedule: Schedule = override("schedule", "one-cycle")


def numbers(spec: Spec) -> int:
    """The number of numbers in a row."""
    if not spec.named_inputs:
        return features(spec)
    given = spec.named("numbers")
    return given.shape[0] if given else 0


def widths(config: TabularConfig, spec: Spec) -> list[tuple[int, int]]:
    """For each category the size of its vocabulary, and the numbers that it becomes: by default 1.6 n ** 0.56, the rule
    of thumb of fastai, at most 50.
    """
    given = spec.named("categories")
    sizes = given.vocabulary if given else ()
    if given and len(sizes) == 1:
        # A vocabulary for all places.
        sizes *= given.shape[0]
    return [(size, _width(config, size)) for size in sizes]


def words(config: TabularConfig, spec: Spec) -> tuple[int, int] | None:
    """Likewise for the tokens of a text; None without one."""
    given = spec.named("text")
    return (given.vocabulary[0], _width(config, given.vocabulary[0])) if given else None


def _width(config: TabularConfig, size: int) -> int:
    return config.embedding or min(WIDEST, round(1.6 * size**0.56))
