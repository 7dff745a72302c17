"""What the evaluation of an epoch showed, small enough to be kept of every epoch, so that a replay can follow it."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.rundir.notes import EPOCH

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

MOST_CLASSES = 128
"""Of more classes a matrix would not be small."""
MISTAKES = 12
SIDE = 32
"""Pixels a side of the images that are kept."""
ALL_UNTIL = 7
"""All epochs are kept up to 2 to the power of this, half of them up to twice as many, and so on."""


def is_kept(epoch: int) -> bool:
    """True for about 64 epochs of each doubling, so that a long run takes little more room than a short one."""
    return epoch % (1 << max((epoch - 1).bit_length() - ALL_UNTIL, 0)) == 0


class Seen:
    """Makes the records of one attempt; an image is in the first record that shows it."""

    def __init__(self) -> None:
        self._pictured: set[int] = set()

    def record(self, arrays: dict[str, Array], epoch: int, step: int) -> dict[str, Any] | None:
        """The record of an epoch from the arrays of its predictions; None where there is nothing to keep."""
        if "labels" not in arrays or not is_kept(epoch):
            return None
        labels, top = arrays["labels"], arrays["top"]
        size = int(max(labels.max(initial=0), top.max(initial=0))) + 1
        if size > MOST_CLASSES:
            return None
        counts = np.bincount(labels * size + top[:, 0], minlength=size * size)
        cells = np.flatnonzero(counts)
        first = arrays["wrong"][:MISTAKES]
        return {
            "type": EPOCH,
            "seq": epoch,
            "step": step,
            "size": size,
            "cells": cells.tolist(),
            "counts": counts[cells].tolist(),
            "mistakes": [
                [int(arrays["ids"][row]), int(labels[row]), top[row].tolist(), arrays["probabilities"][row].tolist()]
                for row in first
            ],
            "images": self._images(arrays, len(first)),
        }

    def _images(self, arrays: dict[str, Array], count: int) -> dict[str, Any]:
        """The shape of the images of the mistakes, and each that was not kept before."""
        found = arrays["thumbnails"][:count]
        if not len(found):
            return {}
        stride = max(1, -(-max(found.shape[1:3]) // SIDE))
        found = np.ascontiguousarray(found[:, ::stride, ::stride])
        new: dict[str, str] = {}
        for row, image in zip(arrays["wrong"][:count], found, strict=True):
            identity = int(arrays["ids"][row])
            if identity not in self._pictured:
                self._pictured.add(identity)
                new[str(identity)] = base64.b64encode(zlib.compress(image.tobytes(), 6)).decode()
        return {"shape": list(found.shape[1:]), "new": new}
