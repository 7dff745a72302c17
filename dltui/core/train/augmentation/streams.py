"""The random numbers of each kind of augmentation: a stream of its own for every seed, epoch and kind."""

from __future__ import annotations

from typing import Literal

import numpy as np

Kind = Literal["geometry", "color", "erasing", "mixing", "crops"]
_NUMBERS: dict[Kind, int] = {"geometry": 1, "color": 2, "erasing": 3, "mixing": 4, "crops": 5}


def generator(kind: Kind, seed: int, epoch: int) -> np.random.Generator:
    """The random generator of a kind. Its place in Philox's 256-bit counter is far away from those of the other kinds
    and of the permutation, which have the same key: turning one kind on changes no number of another.
    """
    key = np.array([seed, epoch], dtype=np.uint64)
    counter = np.array((0, 0, 0, _NUMBERS[kind]), dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
