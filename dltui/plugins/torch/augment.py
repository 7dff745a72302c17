"""Changes training samples on the device by the numbers that core draws; `core.train.augmentation` defines how."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train.augmentation.color import GRAY
from dltui.plugins.torch.losses import Mixed

if TYPE_CHECKING:
    from dltui.core.contract import EpochPlan
    from dltui.core.contract.types import Array


class Changes(NamedTuple):
    """The numbers by which the samples of one step change, on their device. The share and the rectangle of mixing are
    tensors where no host may look at them."""

    moves: Tensor | None = None
    factors: Tensor | None = None
    boxes: Tensor | None = None
    partners: Tensor | None = None
    share: float | Tensor = 1.0
    cut: Sequence[int] | Tensor = ()
    crops: Tensor | None = None

    def stored(self, images: Tensor, size: tuple[int, int], kind: torch.dtype) -> Tensor:
        """Stored images (n, h, w, c), of which a part is seen in this size: moved, and with other colors. Crops and
        colors have the type `kind`."""
        if self.crops is not None:
            # Crops are mirrored, but never moved besides.
            images = crop(images, self.crops, size, kind, None if self.moves is None else self.moves[:, 0])
        else:
            images = middle(images, size)
            images = images if self.moves is None else move(images, self.moves)
        return images if self.factors is None else change_colors(images, self.factors, kind)

    def normalized(self, x: Tensor) -> Tensor:
        """Normalized samples, images as (n, c, h, w): with a rectangle erased, and mixed with others. Those behind as
        many as are mixed are only partners (`core.contract.shares`)."""
        if self.boxes is not None:
            x = x.masked_fill(inside(self.boxes, x), 0)
        if self.partners is None:
            return x
        return mix(x[: len(self.partners)], x.index_select(0, self.partners), self.share, self.cut)

    def masks(self, masks: Tensor) -> Tensor:
        """Masks (n, h, w) that change with their images; what comes in at the border does not count."""
        if self.crops is not None:
            masks = crop_masks(masks, self.crops)
        return masks if self.moves is None else move(masks.unsqueeze(3), self.moves, IGNORED).squeeze(3)

    def mixed(self, targets: Tensor) -> Mixed | None:
        """The targets of each sample's partner, and the share of a sample itself."""
        return None if self.partners is None else Mixed(targets.index_select(0, self.partners), self.share)


class Augmentation:
    """The numbers of a plan on `device`, step by step."""

    @classmethod
    def of(cls, plan: EpochPlan, device: torch.device) -> Augmentation | None:
        """The numbers of a plan; None for a plan that changes nothing."""
        plans = (plan.augmentation, plan.color, plan.erasing, plan.mixing, plan.crops)
        return None if all(numbers is None for numbers in plans) else cls(plan, device)

    def __init__(self, plan: EpochPlan, device: torch.device) -> None:
        mixing = plan.mixing
        rows = (plan.augmentation, plan.color, plan.erasing, mixing.partners if mixing else None, plan.crops)
        self._rows = [_rows(numbers, plan.steps, device) for numbers in rows]
        self._shares = mixing.shares.tolist() if mixing else [1.0] * plan.steps
        self._cuts = mixing.boxes.tolist() if mixing else [()] * plan.steps

    def at(self, step: int) -> Changes:
        """The changes of a step of the plan."""
        moves, factors, boxes, partners, crops = (rows[step] for rows in self._rows)
        return Changes(moves, factors, boxes, partners, self._shares[step], self._cuts[step], crops)


def _rows(numbers: Array | None, steps: int, device: torch.device) -> Sequence[Tensor | None]:
    return [None] * steps if numbers is None else torch.from_numpy(numbers).to(device).unbind()


def middle(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle of stored images (n, h, w, c)."""
    top, left = ((whole - seen) // 2 for whole, seen in zip(images.shape[1:3], size, strict=True))
    return images[:, top : top + size[0], left : left + size[1]]


def crop(
    images: Tensor, numbers: Tensor, size: tuple[int, int], kind: torch.dtype, flips: Tensor | None = None
) -> Tensor:
    """Rectangles of images (n, h, w, c), resized as `augmentation.crops` says, in the type `kind`; those whose number
    in `flips` (n) is 1 are mirrored left to right as well."""
    top, left, height, width = numbers.to(kind).unbind(1)
    rows = _weights(top, height, size[0], images.shape[1])
    columns = _weights(left, width, size[1], images.shape[2], flips)
    # Columns first: so the images are turned while they are small, and what comes out needs no turning.
    turned = images.transpose(1, 2).to(kind, memory_format=torch.contiguous_format)
    return _mean(rows, _mean(columns, turned).transpose(1, 2))


class _Weights(NamedTuple):
    """The few stored rows that have a part in each row of the result, and their parts: both (n, size, few)."""

    rows: Tensor
    parts: Tensor


def _weights(first: Tensor, length: Tensor, size: int, stored: int, flips: Tensor | None = None) -> _Weights:
    scale = (length / size)[:, None]
    places = (torch.arange(size, device=first.device) + 0.5)[None]
    if flips is not None:
        places = torch.where(flips[:, None] == 1, size - places, places)
    centers, reach = first[:, None] + places * scale, scale.clamp(min=1)
    few = torch.arange(ceil(2 * max(1, stored / size)), device=first.device)
    rows = (centers - reach + 0.5).floor()[..., None] + few
    parts = (1 - (rows + 0.5 - centers[..., None]).abs() / reach[..., None]).clamp(min=0)
    inside = (rows >= first[:, None, None]) & (rows < (first + length)[:, None, None])
    parts = torch.where(inside, parts, torch.zeros((), dtype=parts.dtype, device=parts.device))
    return _Weights(rows.clamp(0, stored - 1).long(), parts / parts.sum(2, keepdim=True))


def _mean(weights: _Weights, images: Tensor) -> Tensor:
    """The weighted means (n, size, w, c) of the rows of images (n, h, w, c)."""
    count, height, *rest = images.shape
    firsts = torch.arange(0, count * height, height, device=images.device)
    rows, parts = (weights.rows + firsts[:, None, None]).flatten(0, 1), weights.parts.flatten(0, 1)
    table = images.reshape(count * height, -1)
    found = (in_one_pass if images.device.type == "cpu" else row_by_row)(table, rows, parts)
    return found.view(count, -1, *rest)


def in_one_pass(table: Tensor, rows: Tensor, parts: Tensor) -> Tensor:
    """Weighted sums (m, values) of few rows of a table each, both (m, few): on a CPU five times as fast as products of
    matrices, most of whose numbers are 0."""
    return functional.embedding_bag(rows, table, per_sample_weights=parts, mode="sum")


def row_by_row(table: Tensor, rows: Tensor, parts: Tensor) -> Tensor:
    """The same in operations that every device has, and that a CUDA graph can capture."""
    found = torch.zeros((), dtype=table.dtype, device=table.device)
    for row, part in zip(rows.unbind(1), parts.unbind(1), strict=True):
        found = found + table.index_select(0, row) * part[:, None]
    return found


def crop_masks(masks: Tensor, numbers: Tensor) -> Tensor:
    """Rectangles of masks (n, h, w), in their size, as `augmentation.crops` says."""
    count, height, width = masks.shape
    top, left, high, wide = numbers.to(torch.int64).unbind(1)
    rows, columns = _nearest(top, high, height), _nearest(left, wide, width)
    pixels = (rows.unsqueeze(2) * width + columns.unsqueeze(1)).view(count, -1)
    return masks.reshape(count, -1).gather(1, pixels).view_as(masks)


def _nearest(first: Tensor, length: Tensor, size: int) -> Tensor:
    steps = 2 * torch.arange(size, device=first.device) + 1
    return first[:, None] + torch.div(steps * length[:, None], 2 * size, rounding_mode="floor")


def move(images: Tensor, numbers: Tensor, outside: int = 0) -> Tensor:
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
    return torch.where(within.unsqueeze(3), moved, torch.full((), outside, dtype=images.dtype, device=images.device))


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
    return (images @ _gray_parts(channels, images.dtype, images.device)).unsqueeze(-1)


@cache
def _gray_parts(channels: int, kind: torch.dtype, device: torch.device) -> Tensor:
    """The part of each channel in gray; kept, because a step must not wait for numbers of the host."""
    parts = GRAY if channels == len(GRAY) else (1 / channels,) * channels
    return torch.tensor(parts, dtype=kind, device=device)


def inside(boxes: Tensor, x: Tensor) -> Tensor:
    """The pixels inside the rectangles (n, 4) of images (n, c, h, w): bool (n, 1, h, w)."""
    top, left, height, width = boxes.to(torch.int64)[..., None].unbind(1)
    rows = torch.arange(x.shape[2], device=x.device)
    columns = torch.arange(x.shape[3], device=x.device)
    high = (rows >= top) & (rows < top + height)
    wide = (columns >= left) & (columns < left + width)
    return (high.unsqueeze(2) & wide.unsqueeze(1)).unsqueeze(1)


def mix(x: Tensor, others: Tensor, share: float | Tensor, box: Sequence[int] | Tensor) -> Tensor:
    """Samples mixed with others as `augmentation.mixing` says."""
    if isinstance(box, Tensor):
        added = share * x + (1 - share) * others
        # Samples without a height and a width, such as rows of a table, have no rectangles.
        return torch.where(box[2] > 0, torch.where(inside(box[None], x), others, x), added) if x.dim() == 4 else added
    top, left, height, width = box
    if not height:
        return share * x + (1 - share) * others
    x = x.clone(memory_format=torch.preserve_format)
    place = (..., slice(top, top + height), slice(left, left + width))
    x[place] = others[place]
    return x
