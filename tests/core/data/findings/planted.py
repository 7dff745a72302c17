"""Pictures in which duplicates are planted, for the tests of what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.contract import Data, Spec, Split

SIDE = 24

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def pictures(count: int, seed: int = 0) -> Array:
    """Images of blobs (count, 24, 24, 1), no two alike."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    found = np.zeros((count, SIDE, SIDE))
    for _ in range(5):
        top, left, size = (generator.uniform(low, high, (count, 1, 1)) for low, high in ((3, 20), (3, 20), (1.5, 4)))
        found += generator.uniform(60, 200, (count, 1, 1)) * np.exp(-((y - top) ** 2 + (x - left) ** 2) / size**2)
    return np.clip(found, 0, 255).astype(np.uint8)[..., np.newaxis]


@dataclass
class Planted:
    """Data, and the pairs that are planted in it: (split, row) of both."""

    data: Data
    exact: set[frozenset[tuple[str, int]]]
    near: set[frozenset[tuple[str, int]]]


def planted() -> Planted:
    """400 train, 60 validation and 100 test images with duplicates within and between them, and three blank ones."""
    x = {"train": pictures(400, 1), "validation": pictures(60, 2), "test": pictures(100, 3)}
    y = {name: np.arange(len(some)) % 3 for name, some in x.items()}
    generator = np.random.default_rng(4)
    x["train"][11] = x["train"][10]
    x["test"][5] = x["train"][20]
    x["test"][6] = x["train"][20]
    y["test"][5] = y["train"][20] = 1
    y["test"][6] = 2
    noise = x["train"][30] + generator.normal(0, 5, (SIDE, SIDE, 1))
    x["train"][31] = np.clip(np.rint(noise), 0, 255)
    x["train"][41, 1:] = x["train"][40, :-1]
    x["train"][41, 0] = 0
    x["validation"][7] = np.rint(x["train"][50] * 0.85)
    x["test"][8] = 0
    x["train"][60], x["train"][61] = 255, 90
    splits = {name: Split(x[name], y[name], np.arange(len(x[name])) + 1000 * (name == "train")) for name in x}
    data = Data("planted", Spec("classification", (SIDE, SIDE, 1), 3, ("a", "b", "c")), **splits, fingerprint="f" * 64)
    exact = [(("train", 10), ("train", 11)), (("test", 5), ("test", 6)), (("test", 5), ("train", 20))]
    near = [(("train", 30), ("train", 31)), (("train", 40), ("train", 41)), (("validation", 7), ("train", 50))]
    return Planted(data, {frozenset(pair) for pair in exact}, {frozenset(pair) for pair in near})
