"""Slow and fast waves in noise: sequences of different lengths, and a known best accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, pi, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from dltui.core.contract import Arrays, Dataset, Input, PreparationContext
from dltui.core.contract.config import DatasetOptions, unit

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SHORTEST, LONGEST = 16, 32
SLOW, FAST = 2, 3
"""Waves in the longest sequence."""
TRAIN, TEST = 4_000, 1_000


class WavesOptions(DatasetOptions):
    """The options of the waves and their noise."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="of the noise and the lengths", json_schema_extra=unit(""))
    noise: float = Field(1.5, ge=0, le=100, description="standard deviation of the noise", json_schema_extra=unit(""))


def prepare(options: WavesOptions, context: PreparationContext) -> Arrays:
    import numpy as np

    random = np.random.Generator(np.random.Philox(key=options.seed))
    count = TRAIN + TEST
    lengths = random.integers(SHORTEST, LONGEST + 1, count)
    y = random.integers(0, 2, count)
    waves = _waves()
    x = (waves[y] + options.noise * random.standard_normal((count, LONGEST))).astype(np.float32)
    x[np.arange(LONGEST) >= lengths[:, None]] = 0
    named = (Input("sequence", (LONGEST, 1), padded=True, places=("value",)),)
    parts = [
        ({"sequence": x[rows, :, None], "sequence_length": lengths[rows]}, y[rows])
        for rows in (slice(0, TRAIN), slice(TRAIN, None))
    ]
    best = optimum(options.noise, lengths[TRAIN:])
    return Arrays(parts[0], parts[1], ("slow", "fast"), named_inputs=named, inputs={"best_test_accuracy": best})


def _waves() -> Array:
    """The two waves without noise (2, steps)."""
    import numpy as np

    return np.sin(2 * pi * np.array([[SLOW], [FAST]]) * (np.arange(LONGEST) + 0.5) / LONGEST)


def optimum(noise: float, lengths: Array) -> float:
    """The accuracy that is expected of whoever knows both waves: of two vectors in normal noise the nearer is chosen,
    which is right with the probability Phi(distance / (2 noise)).
    """
    import numpy as np

    if not noise:
        return 1.0
    apart = np.sqrt(np.cumsum((_waves()[0] - _waves()[1]) ** 2))[np.asarray(lengths) - 1]
    return float(np.mean([(1 + erf(distance / (2 * noise) / sqrt(2))) / 2 for distance in apart]))


def sources(options: WavesOptions, folders: Sequence[Path]) -> None:
    return None


DATASET = Dataset(
    name="waves",
    task="classification",
    summary="slow and fast waves in noise: sequences whose best accuracy is known",
    options=WavesOptions,
    prepare=prepare,
    sources=sources,
    classes=2,
    train_size=TRAIN,
    test_size=TEST,
    gives=("sequence",),
)
