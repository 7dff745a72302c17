"""The images whose predicted masks are worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.analysis.masks.pixels import matrix
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.tasks.segmentation.tally import mean_iou
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.core.contract.types import Array

MOST_SAID = 3


@dataclass(frozen=True)
class Wrong:
    """An image whose mask is wrong somewhere. `share` is that of its wrong pixels; `lost` are the classes that it lost
    most pixels of, each with the class that these were said to be and their share of the image.
    """

    id: int
    name: str
    iou: float
    share: float
    lost: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, eq=False)
class Masks:
    """The predicted masks of a split. `images`, `true` and `said` belong to `worst`, uint8 (m, h, w, c) and (m, h, w),
    thinned out.
    """

    matrix: Matrix
    ious: Array
    """The mean IoU of each image, NaN where no pixel counts."""
    worst: tuple[Wrong, ...]
    images: Any = field(repr=False)
    true: Any = field(repr=False)
    said: Any = field(repr=False)

    @property
    def mean_iou(self) -> float:
        """The mean IoU of the classes over all pixels of the split."""
        counts = np.array(self.matrix.counts)
        both = np.diagonal(counts)
        return mean_iou(both, counts.sum(axis=0) + counts.sum(axis=1) - both)

    @property
    def wrong(self) -> int:
        """The images with a wrong pixel; only the worst are kept."""
        return int(np.count_nonzero(self.ious < 1))

    @property
    def present(self) -> tuple[int, ...]:
        """The classes that are true or said somewhere."""
        return tuple(score.number for score in self.matrix.scores() if score.true or score.said)


def find(arrays: Mapping[str, Array], known: Sequence[object]) -> Masks:
    """The masks of a predictions file. Raises ValueError, KeyError or IndexError for damaged arrays."""
    found = matrix(arrays, known)
    images, true, said = (np.asarray(arrays[name]) for name in ("thumbnails", "masks", "said"))
    worst, ious = np.asarray(arrays["worst"]), np.asarray(arrays["iou"])
    if not len(images) == len(true) == len(said) == len(worst) or true.shape != said.shape:
        raise ValueError(f"{len(worst)} masks, {len(images)} images, {true.shape} and {said.shape}")
    if images.ndim != 4 or any(array.dtype != np.uint8 for array in (images, true, said)):
        raise ValueError(f"images {images.dtype} {images.shape} and masks {true.dtype} and {said.dtype}")
    if images.shape[1:3] != true.shape[1:]:
        raise ValueError(f"images of {images.shape[1:3]} have masks of {true.shape[1:]}")
    called = [bytes(name).decode("utf-8", "replace") for name in arrays.get("names", ())]
    rows = tuple(
        _wrong(
            int(arrays["ids"][position]), called[place] if place < len(called) else "", float(ious[position]),
            true[place], said[place], found.classes,
        )
        for place, position in enumerate(worst.tolist())
    )  # fmt: skip
    return Masks(found, ious, rows, images, true, said)


def _wrong(identity: int, name: str, iou: float, true: Array, said: Array, classes: Sequence[str]) -> Wrong:
    counts = true != IGNORED
    bad = counts & (true != said)
    total = max(int(counts.sum()), 1)
    pairs, numbers = np.unique(true[bad].astype(np.int64) * 256 + said[bad], return_counts=True)
    order = np.argsort(-numbers, kind="stable")[:MOST_SAID]
    lost = tuple(
        (_name(classes, pair // 256), _name(classes, pair % 256), number / total)
        for pair, number in zip(pairs[order].tolist(), numbers[order].tolist(), strict=True)
    )
    return Wrong(identity, clean_line(name, 200), iou, int(bad.sum()) / total, lost)


def _name(classes: Sequence[str], number: int) -> str:
    return classes[number] if number < len(classes) else str(number)
