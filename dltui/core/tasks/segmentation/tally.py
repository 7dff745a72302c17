"""What is kept of the outputs of a split: sums, a confusion matrix, and the worst masks, however many pixels it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dltui.core.tasks.segmentation import IGNORED

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

WORST = 200
"""The masks that are kept, those with the lowest IoU."""
MOST_LOST = 3
"""The pairs of classes that are told of the wrong pixels of a mask."""
SIDE = 96
"""The largest side of kept masks in pixels; larger ones are thinned out."""
PIXELS = 1 << 21
"""The logits that are looked at at once: their logarithms are wider than they are."""


class Lost(NamedTuple):
    """The wrong pixels of a mask. All shares are of the pixels that count."""

    share: float
    pairs: Array
    """The true and the predicted class of most of them, uint8 (MOST_LOST, 2)."""
    shares: Array
    """Of these pixels, float64 (MOST_LOST,); 0 where there are fewer pairs."""


class Said(NamedTuple):
    """The mask that was predicted for a row, thinned out, and what the whole one has wrong."""

    iou: float
    row: int
    mask: Array
    lost: Lost


class Tally:
    """The findings about the outputs of a split, added some rows at a time."""

    def __init__(self, classes: int) -> None:
        self.confusion: Array = np.zeros((classes, classes), dtype=np.int64)
        """How many pixels of each class (rows) were said to be of each class (columns)."""
        self.loss_sum = 0.0
        self._ious: list[Array] = []
        self._worst: list[Said] = []
        self._limit = 1.0
        """A row with this IoU is not among the worst."""
        self._rows = 0

    @property
    def size(self) -> int:
        """The rows so far."""
        return self._rows

    @property
    def ious(self) -> Array:
        """The mean IoU of each row over the classes that it has or was said to have, float64; NaN where no pixel
        counts.
        """
        return np.concatenate(self._ious) if self._ious else np.zeros(0)

    @property
    def worst(self) -> Sequence[Said]:
        """The rows with the lowest IoU, the worst first; none that is right everywhere."""
        return sorted(self._worst, key=lambda one: (one.iou, one.row))[:WORST]

    def add(self, outputs: Array, targets: Array) -> None:
        """Add logits (n, height, width, classes) of the next rows, and their masks."""
        rows = max(1, PIXELS // max(1, outputs[:1].size))
        for start in range(0, len(outputs), rows):
            self._add(outputs[start : start + rows], np.asarray(targets[start : start + rows]))

    def _add(self, outputs: Array, targets: Array) -> None:
        counts = targets != IGNORED
        logits, true = outputs[counts].astype(np.float64), targets[counts].astype(np.int64)
        highest = logits.max(axis=1, initial=-np.inf)
        # The logarithm of the sum of exponentials, less the true class's own logit.
        sums = highest + np.log(np.exp(logits - highest[:, np.newaxis]).sum(axis=1))
        self.loss_sum += float((sums - np.take_along_axis(logits, true[:, np.newaxis], axis=1)[:, 0]).sum())
        said = outputs.argmax(axis=3).astype(np.uint8)
        classes = len(self.confusion)
        pairs = true * classes + said[counts]
        self.confusion += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        ious = np.array([_iou(mask, one, classes) for mask, one in zip(targets, said, strict=True)])
        self._ious.append(ious)
        self._keep(ious, targets, said)
        self._rows += len(outputs)

    def _keep(self, ious: Array, targets: Array, said: Array) -> None:
        stride = thinning(said.shape[1:])
        for place in np.flatnonzero(ious < self._limit).tolist():
            mask = np.ascontiguousarray(said[place, ::stride, ::stride])
            lost = lost_pixels(targets[place], said[place])
            self._worst.append(Said(float(ious[place]), self._rows + place, mask, lost))
        if len(self._worst) > 2 * WORST:
            self._worst = list(self.worst)
            self._limit = self._worst[-1].iou


def thinning(size: Sequence[int]) -> int:
    """The distance between the pixels of a mask that are kept."""
    return max(1, -(-max(size) // SIDE))


def lost_pixels(true: Array, said: Array) -> Lost:
    """The wrong pixels of a mask, given as its true and its predicted classes, uint8 (height, width)."""
    counts = true != IGNORED
    bad = counts & (true != said)
    total = max(int(np.count_nonzero(counts)), 1)
    numbers = np.bincount(true[bad].astype(np.int64) * 256 + said[bad])
    found = np.flatnonzero(numbers)
    found = found[np.argsort(-numbers[found], kind="stable")[:MOST_LOST]]
    pairs, shares = np.zeros((MOST_LOST, 2), np.uint8), np.zeros(MOST_LOST)
    pairs[: len(found)] = np.stack([found // 256, found % 256], axis=1)
    shares[: len(found)] = numbers[found] / total
    return Lost(int(np.count_nonzero(bad)) / total, pairs, shares)


def _iou(mask: Array, said: Array, classes: int) -> float:
    """The mean IoU of an image."""
    counts = mask != IGNORED
    true, told = mask[counts], said[counts]
    both, here, there = (np.bincount(values, minlength=classes) for values in (true[true == told], true, told))
    return mean_ratio(both, here + there - both)


def mean_ratio(parts: Array, wholes: Array) -> float:
    """The mean of the ratios of parts to wholes that are not zero, as of intersections to unions; NaN without any."""
    there = wholes > 0
    return float(np.mean(parts[there] / wholes[there])) if there.any() else float("nan")
