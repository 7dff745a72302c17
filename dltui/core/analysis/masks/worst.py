"""The images whose predicted masks are worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.analysis.masks.pixels import matrix
from dltui.core.tasks.segmentation.tally import Lost, lost_pixels, mean_ratio
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.core.contract.types import Array


@dataclass(frozen=True)
class Wrong:
    """An image whose mask is wrong somewhere. `share` is that of its wrong pixels; `lost` are the classes that it lost
    most pixels of, each with the class that these were said to be and their share of the pixels that count.
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
        return mean_ratio(both, counts.sum(axis=0) + counts.sum(axis=1) - both)

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
    lost = _lost(arrays, true, said)
    rows = tuple(
        Wrong(
            int(arrays["ids"][position]), clean_line(called[place] if place < len(called) else "", 200),
            float(ious[position]), lost[place].share, _named(lost[place], found.classes),
        )
        for place, position in enumerate(worst.tolist())
    )  # fmt: skip
    return Masks(found, ious, rows, images, true, said)


def _lost(arrays: Mapping[str, Array], true: Array, said: Array) -> list[Lost]:
    """The wrong pixels of each of the worst masks: of the whole ones, in a file of an earlier version of those that it
    has, thinned out.
    """
    names = ("wrong_share", "lost", "lost_share")
    if any(name not in arrays for name in names):
        return [lost_pixels(*masks) for masks in zip(true, said, strict=True)]
    share, pairs, shares = (np.asarray(arrays[name]) for name in names)
    fits = share.shape == (len(true),) and shares.shape[:1] == share.shape and pairs.shape == (*shares.shape, 2)
    kinds = (share.dtype.kind, pairs.dtype.name, shares.dtype.kind)
    if not fits or kinds != ("f", "uint8", "f") or not (np.isfinite(share).all() and np.isfinite(shares).all()):
        raise ValueError(f"shares {share.shape} and {shares.shape}, classes {pairs.shape} of {len(true)} masks")
    return [Lost(float(one), *rest) for one, *rest in zip(share, pairs, shares, strict=True)]


def _named(lost: Lost, classes: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
    return tuple(
        (_name(classes, true), _name(classes, said), share)
        for (true, said), share in zip(lost.pairs.tolist(), lost.shares.tolist(), strict=True)
        if share > 0
    )


def _name(classes: Sequence[str], number: int) -> str:
    return classes[number] if number < len(classes) else str(number)
