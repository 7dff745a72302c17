"""Training samples mixed with others of their batch: mixup and cutmix.

Mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412) adds two samples, share of the first to 1 - share of the
second; cutmix (Yun et al. 2019, https://arxiv.org/abs/1905.04899) puts a rectangle of the second into the first, and
share is what remains of the first. The loss is share * loss(first's target) + (1 - share) * loss(second's target).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dltui.core.contract import Mixing
from dltui.core.train.augmentation.streams import generator

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def draw(
    mixup: float, cutmix: float, seed: int, epoch: int, steps: int, batch: int, shape: tuple[int, ...]
) -> Mixing | None:
    """The plan of a whole epoch; None where both are 0. `mixup` and `cutmix` are the alpha of a beta distribution
    (alpha, alpha) from which the share of a step is drawn; with both, a step does one of them at even chance."""
    if not mixup and not cutmix:
        return None
    random = generator("mixing", seed, epoch)
    partners = random.permuted(np.tile(np.arange(batch, dtype=np.int32), (steps, 1)), axis=1)
    cuts = random.random(steps) < (0.5 if mixup and cutmix else float(bool(cutmix)))
    shares = np.where(cuts, random.beta(cutmix or 1, cutmix or 1, steps), random.beta(mixup or 1, mixup or 1, steps))
    boxes = np.zeros((steps, 4), dtype=np.int32)
    if cutmix:
        boxes[cuts] = _boxes(shares[cuts], random.random((2, steps))[:, cuts], shape)
        # A rectangle is clipped by the border and made of whole pixels: its true share counts.
        shares[cuts] = 1 - boxes[cuts, 2] * boxes[cuts, 3] / (shape[0] * shape[1])
    return Mixing(partners, shares.astype(np.float32), boxes)


def _boxes(shares: Array, centers: Array, shape: tuple[int, ...]) -> Array:
    """Rectangles (n, 4) whose share of an image is about 1 - shares, around these centers (0 to 1)."""
    sides = np.array(shape[:2])
    size = np.rint(np.sqrt(1 - shares)[:, None] * sides)
    middle = np.floor(centers.T * sides)
    first = np.clip(middle - size // 2, 0, sides)
    last = np.clip(middle - size // 2 + size, 0, sides)
    return np.concatenate([first, last - first], axis=1).astype(np.int32)


def apply(x: Array, partners: Array, share: float, box: Array) -> Array:
    """Normalized samples (n, ...) of one step, mixed: the definition that frameworks follow. `box` is int32 (4,):
    (top, left, height, width) of cutmix; a height of 0 is mixup."""
    top, left, height, width = (int(number) for number in box)
    others = x[partners]
    if not height:
        mixed: Array = np.float32(share) * x + (1 - np.float32(share)) * others
        return mixed.astype(x.dtype)
    result = x.copy()
    place = slice(None), slice(top, top + height), slice(left, left + width)
    result[place] = others[place]
    return result
