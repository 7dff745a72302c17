"""Points around a straight line, y = w x + b + noise: a regression with a known solution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions, unit

REACH = 3.0
TRAIN_PART = 0.8
POINTS = 1_000


class LinesOptions(DatasetOptions):
    """The options of the line and the points around it."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="of the points and their noise", json_schema_extra=unit(""))
    n: int = Field(
        POINTS,
        ge=10,
        le=10_000_000,
        description="points, a fifth of them for testing",
        json_schema_extra=unit("points"),
    )
    w: float = Field(2.0, ge=-1000, le=1000, description="slope", json_schema_extra=unit(""))
    b: float = Field(1.0, ge=-1000, le=1000, description="intercept", json_schema_extra=unit(""))
    noise: float = Field(0.5, ge=0, le=1000, description="standard deviation of the noise", json_schema_extra=unit(""))


def prepare(options: LinesOptions, context: PreparationContext) -> Arrays:
    import numpy as np

    random = np.random.Generator(np.random.Philox(key=options.seed))
    x = random.uniform(-REACH, REACH, options.n)
    y = options.w * x + options.b + options.noise * random.standard_normal(options.n)
    points = x.astype(np.float32)[:, np.newaxis]
    targets = y.astype(np.float32)[:, np.newaxis]
    train = int(options.n * TRAIN_PART)
    return Arrays((points[:train], targets[:train]), (points[train:], targets[train:]))


def sources(options: LinesOptions, folders: Sequence[Path]) -> None:
    return None


DATASET = Dataset(
    name="lines",
    task="regression",
    summary="points around a line y = w x + b",
    options=LinesOptions,
    prepare=prepare,
    sources=sources,
    input_shape=(1,),
    train_size=int(POINTS * TRAIN_PART),
    test_size=POINTS - int(POINTS * TRAIN_PART),
)
