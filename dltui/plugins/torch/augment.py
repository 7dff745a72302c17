"""Changes training samples on the device by the numbers that core draws; `core.train.augmentation` defines how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.core.train.augmentation.color import GRAY
from dltui.plugins.torch.losses import Mixed

if TYPE_CHECKING:
    from dltui.core.contract import EpochPlan
    from dltui.core.contract.types import Array


class Augmentation:
    """The numbers of a plan on `device`, and what they do to the samples of its steps."""

    @classmethod
    def of(cls, plan: EpochPlan, device: torch.device) -> Augmentation | None:
        """The numbers of a plan; None for a plan that changes nothing."""
        plans = (plan.augmentation, plan.color, plan.erasing, plan.mixing)
        return None if all(numbers is None for numbers in plans) else cls(plan, device)

    def __init__(self, plan: EpochPlan, device: torch.device) -> None:
        self._moves = _rows(plan.augmentation, device)
        self._factors = _rows(plan.color, device)
        self._boxes = _rows(plan.erasing, device)
        mixing = plan.mixing
        self._partners = _rows(mixing.partners if mixing else None, device)
        self._shares = mixing.shares.tolist() if mixing else []
        self._cuts = mixing.boxes.tolist() if mixing else []

    def stored(self, step: int, images: Tensor, kind: torch.dtype) -> Tensor:
        """Stored images (n, h, w, c): moved, and with other colors; the latter have the type `kind`."""
        if self._moves:
            images = move(images, self._moves[step])
        return change_colors(images, self._factors[step], kind) if self._factors else images

    def normalized(self, step: int, x: Tensor) -> Tensor:
        """Normalized samples, images as (n, c, h, w): with a rectangle erased, and mixed with others."""
        if self._boxes:
            x = x.masked_fill(inside(self._boxes[step], x), 0)
        if self._partners:
            others, share = x.index_select(0, self._partners[step]), self._shares[step]
            x = mix(x, others, share, self._cuts[step])
        return x

    def mixed(self, step: int, targets: Tensor) -> Mixed | None:
        """The targets of each sample's partner, and the share of a sample itself."""
        return Mixed(targets.index_select(0, self._partners[step]), self._shares[step]) if self._partners else None


def _rows(numbers: Array | None, device: torch.device) -> Sequence[Tensor]:
    return () if numbers is None else torch.from_numpy(numbers).to(device).unbind()


def move(images: Tensor, numbers: Tensor) -> Tensor:
    """Images (n, h, w, c) mirrored and moved as `augmentation.geometry` says: each pixel looks up its origin."""
    count, height, width, channels = images.shape
    flip, dy, dx = numbers.to(torch.int64).unsqueeze(2).unbind(1)
    rows = torch.arange(height, device=images.device) - dy
    columns = torch.arange(width, device=images.device) - dx
    within = ((rows >= 0) & (rows < height)).unsqueeze(2) & ((columns >= 0) & (columns < width)).unsqueeze(1)
    columns = torch.where(flip == 1, width - 1 - columns, columns)
    pixels = rows.clamp(0, height - 1).unsqueeze(2) * width + columns.clamp(0, width - 1).unsqueeze(1)
    places = pixels.view(count, -1, 1).expand(-1, -1, channels)
    moved = images.reshape(count, -1, channels).gather(1, places).view_as(images)
    return torch.where(within.unsqueeze(3), moved, torch.zeros((), dtype=images.dtype, device=images.device))


def change_colors(images: Tensor, factors: Tensor, kind: torch.dtype = torch.float32) -> Tensor:
    """Images (n, h, w, c) with values of 0 to 255 as `augmentation.color` says, in the type `kind`."""
    brightness, contrast, saturation = factors.to(kind).T[..., None, None, None]
    changed = (images.to(kind) * brightness).clamp_(0, 255)
    mean = _gray(changed).mean(dim=(1, 2), keepdim=True)
    changed = (mean + contrast * (changed - mean)).clamp_(0, 255)
    if images.shape[-1] == len(GRAY):
        own = _gray(changed)
        changed = (own + saturation * (changed - own)).clamp_(0, 255)
    result: Tensor = changed
    return result


def _gray(images: Tensor) -> Tensor:
    """The gray of images (n, h, w, c): (n, h, w, 1)."""
    channels = images.shape[-1]
    parts = GRAY if channels == len(GRAY) else (1 / channels,) * channels
    return (images @ torch.tensor(parts, dtype=images.dtype, device=images.device)).unsqueeze(-1)


def inside(boxes: Tensor, x: Tensor) -> Tensor:
    """The pixels inside the rectangles (n, 4) of images (n, c, h, w): bool (n, 1, h, w)."""
    top, left, height, width = boxes.to(torch.int64)[..., None].unbind(1)
    rows = torch.arange(x.shape[2], device=x.device)
    columns = torch.arange(x.shape[3], device=x.device)
    high = (rows >= top) & (rows < top + height)
    wide = (columns >= left) & (columns < left + width)
    return (high.unsqueeze(2) & wide.unsqueeze(1)).unsqueeze(1)


def mix(x: Tensor, others: Tensor, share: float, box: Sequence[int]) -> Tensor:
    """Samples mixed with others as `augmentation.mixing` says."""
    top, left, height, width = box
    if not height:
        return share * x + (1 - share) * others
    x = x.clone(memory_format=torch.preserve_format)
    place = (..., slice(top, top + height), slice(left, left + width))
    x[place] = others[place]
    return x
