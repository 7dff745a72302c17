"""Draws which images are mirrored and shifted in training: integers that core draws and every framework applies alike.

A sample's three numbers are (flip, dy, dx): first the image is mirrored left to right where flip is 1, then it is moved
dy pixels down and dx to the right; what comes in at the border is 0 in the stored uint8 values. As the numbers are a
function of seed, epoch and place in the epoch, resuming in the middle changes nothing, and twins see the same images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dltui.core.train.augmentation.streams import generator

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SHIFT = 0.125
"""The usual share of its side by which an image is moved at most: 4 pixels of 28 or 32, as with CIFAR-10."""


def largest_shift(side: int, share: float = SHIFT) -> int:
    """The largest shift in pixels of an image of this height or width: the share of it, halves rounded up."""
    return int(side * share + 0.5)


def is_on(kind: str) -> bool:
    """True if an option `augment` of this kind mirrors or moves images."""
    return "flip" in kind or "shift" in kind


def draw(
    kind: str, seed: int, epoch: int, steps: int, batch: int, shape: tuple[int, ...], share: float = SHIFT
) -> Array | None:
    """The numbers of a whole epoch, int32 (steps, batch, 3); None for a kind that neither mirrors nor moves. `share`
    is that of `largest_shift`."""
    if not is_on(kind):
        return None
    random = generator("geometry", seed, epoch)
    # All are drawn whatever the kind: flip+shift then mirrors the images that flip mirrors.
    limits = [largest_shift(side, share) for side in shape[:2]]
    columns = [random.integers(0, 2, (steps, batch), dtype=np.int32)]
    columns += [random.integers(-limit, limit + 1, (steps, batch), dtype=np.int32) for limit in limits]
    drawn = np.stack(columns, axis=-1)
    if "flip" not in kind:
        drawn[..., 0] = 0
    if "shift" not in kind:
        drawn[..., 1:] = 0
    return drawn


def apply(images: Array, numbers: Array, outside: int = 0) -> Array:
    """The images uint8 (n, height, width, channels), or masks (n, height, width), after augmentation: the reference for
    all frameworks. What comes in at the border of masks is `outside`: pixels that do not count.
    """
    result = np.full_like(images, outside)
    height, width = images.shape[1:3]
    for image, target, (flip, dy, dx) in zip(images, result, numbers.tolist(), strict=True):
        turned = image[:, ::-1] if flip else image
        into = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
        taken = slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0))
        target[into] = turned[taken]
    return result
