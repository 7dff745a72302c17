"""Chooses the test samples that are looked at, and the answers about which there is something to ask."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

MOST_MISTAKES = 200
MOST_RIGHT = 12
HALF = 0.5


class Chosen(NamedTuple):
    """Samples by their positions in the split, int64 (n,): mistakes first. `outputs` int64 (n, 2) are the answer that
    was given and the one that would be right."""

    positions: Array
    outputs: Array


def of_classes(arrays: Mapping[str, Array]) -> Chosen:
    """The most confident mistakes, and of each class the most certain right answer."""
    labels, said = arrays["labels"], arrays["top"][:, 0].astype(np.int64)
    chances = arrays["probabilities"][:, 0]
    right = [
        int(members[np.argmax(chances[members])])
        for number in np.unique(labels)
        if len(members := np.flatnonzero((labels == number) & (said == number)))
    ]
    positions = np.concatenate([arrays["wrong"][:MOST_MISTAKES], np.array(right[:MOST_RIGHT], np.int64)])
    return Chosen(positions, np.stack([said[positions], labels[positions]], axis=1))


def of_labels(arrays: Mapping[str, Array]) -> Chosen:
    """The worst samples: the label that was said with least right and the one that was missed most; where there is only
    one of them, it stands for both.
    """
    positions = arrays["wrong"][:MOST_MISTAKES]
    present, chances = arrays["present"][positions] > 0, arrays["chances"][positions]
    said, missed = np.where(present, -1.0, chances), np.where(present, 1 - chances, -1.0)
    both = np.stack([said.argmax(axis=1), missed.argmax(axis=1)], axis=1)
    wrong = np.stack([said.max(axis=1) > HALF, missed.max(axis=1) >= HALF], axis=1)
    return Chosen(positions, np.where(wrong, both, both[:, ::-1]))


CHOICES: Mapping[str, Callable[[Mapping[str, Array]], Chosen]] = {"class": of_classes, "labels": of_labels}
"""By the targets of a task; there is no answer to explain among numbers."""


def stamp(arrays: Mapping[str, Array]) -> int:
    """A checksum of predictions: what was looked at belongs to these alone."""
    found = 0
    for name in sorted(arrays):
        if name not in ("thumbnails", "names"):
            found = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), found)
    return found
