"""Datasets on a device, in their stored form (uint8 images), and normalized batches of them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dltui.core.data.streaming import Stream, can_stream, consecutive, is_read
from dltui.core.inputs.records import as_rows
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.regression.scaling import standardized
from dltui.plugins.torch.augment import middle
from dltui.plugins.torch.inputs.fields import Fields
from dltui.plugins.torch.inputs.uploads import Uploads

if TYPE_CHECKING:
    from dltui.core.contract import Data, Spec
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.torch.augment import Changes
    from dltui.plugins.torch.inputs.fields import Inputs


class Samples:
    """The splits of a dataset on `device`; validation and test are loaded when first used.

    On the CPU nothing is copied: batches are gathered from the memory-mapped files, and read ahead where those or their
    samples are large. So it is on a GPU that has no room for the samples beside the model, or for their targets, which
    are masks then. Records of named inputs are rows of bytes until a batch is made of them.
    """

    def __init__(self, data: Data, device: torch.device, dtype: torch.dtype) -> None:
        self._data, self._device, self._dtype = data, device, dtype
        self._shape, self._stored = data.spec.input_shape, data.train.whole.shape[1:]
        self._size = (self._shape[0], self._shape[1]) if data.spec.is_image else (0, 0)
        self._is_image = data.spec.is_image
        self.have_masks = TASKS[data.spec.task].targets == "masks"
        """True if each target is a mask, which lies on its image."""
        self._fields = Fields(data.spec, device, dtype) if data.spec.named_inputs else None
        self.channels_last = False
        """True if images stay in the order in which they are stored, (n, h, w, c) seen as (n, c, h, w)."""
        self._mean, self._std = (torch.tensor(values, dtype=dtype, device=device) for values in _per_value(data.spec))
        self._splits: dict[SplitName, tuple[Tensor, Tensor]] = {}
        self._train_x, self._train_y = self._split("train")
        x = as_rows(data.train.whole)
        streams = is_read(x) or (can_stream(x) and not _has_room(device, x.nbytes))
        self._stream = Stream(x) if streams and self._train_x.device.type == "cpu" else None
        self._uploads = Uploads(device)

    def begin(self, indices: Array) -> None:
        """Set the rows of the train split (steps, batch) for the coming steps."""
        if self._stream is not None:
            self._stream.begin(indices)

    @property
    def on_device(self) -> bool:
        """True if the train split lies on the device: a step needs nothing of the host."""
        kinds = {self._train_x.device.type, self._train_y.device.type}
        return self._stream is None and kinds == {self._device.type}

    def batch(self, step: int, indices: Tensor, changes: Changes | None = None) -> Inputs:
        """The normalized samples of a step with these rows of the train split, changed at random as planned."""
        if self._stream is not None:
            return self._changed(self._uploads.copied(_tensor(self._stream.take(step)).flatten(1)), changes)
        return self.chosen(indices, changes)

    def chosen(self, indices: Tensor, changes: Changes | None = None) -> Inputs:
        """The same for samples that lie on the device."""
        return self._changed(self._train_x.index_select(0, indices), changes)

    def _changed(self, x: Tensor, changes: Changes | None, own: bool = True) -> Inputs:
        """Normalized samples of stored ones, which may be written to if they are their `own` copy."""
        if self._fields is not None:
            return self._fields(x)
        if changes is None:
            return self._normalize(self._middle(x), own)
        if self._is_image:
            x = changes.stored(x.view(-1, *self._stored), self._size, self._dtype).flatten(1)
        return changes.normalized(self._normalize(x, own=True))

    def _middle(self, x: Tensor) -> Tensor:
        """What is seen of stored samples (n, values)."""
        return x if self._stored == self._shape else middle(x.view(-1, *self._stored), self._size).flatten(1)

    def targets(self, indices: Tensor) -> Tensor:
        """Targets of these rows (steps, batch) of the train split: (steps, batch), or (steps, batch, ...)."""
        chosen = self._train_y.index_select(0, indices.flatten().to(self._train_y.device))
        return chosen.to(self._device).view(*indices.shape, *self._train_y.shape[1:])

    def for_step(self, targets: Tensor, changes: Changes | None = None) -> Tensor:
        """The targets of a step as a loss takes them: masks, which change with their images, as int64."""
        if not self.have_masks:
            return targets
        return (targets if changes is None else changes.masks(targets)).long()

    def rows(self, split: SplitName, rows: slice) -> Inputs:
        """Normalized samples of consecutive rows of a split."""
        x = self._split(split)[0]
        if x.device.type == "cpu":
            x, rows = _tensor(consecutive(as_rows(self._data.split(split).whole), rows)).flatten(1), slice(None)
        return self._changed(x[rows].to(self._device), None, own=False)

    def targets_of(self, split: SplitName, rows: slice) -> Tensor:
        """Targets of consecutive rows of a split."""
        return self.for_step(self._split(split)[1][rows].to(self._device))

    def _normalize(self, x: Tensor, own: bool) -> Tensor:
        # Stored samples must not change.
        x = x.to(self._dtype, copy=not own).sub_(self._mean).div_(self._std)
        if not self._is_image:
            return x
        x = x.view(-1, *self._shape)
        return x.permute(0, 3, 1, 2) if self.channels_last else channels_first(x)

    def _split(self, split: SplitName) -> tuple[Tensor, Tensor]:
        """Samples as flat rows, and targets."""
        if split not in self._splits:
            part = self._data.split(split)
            x = self._placed(_tensor(as_rows(part.whole)).flatten(1))
            y = self._placed(_tensor(standardized(part.y, self._data.spec)))
            whole = TASKS[self._data.spec.task].targets in ("class", "masks")
            self._splits[split] = (x, y if whole else y.to(self._dtype))
        return self._splits[split]

    def _placed(self, values: Tensor) -> Tensor:
        """The values on the device, or where they are if it has no room for them."""
        return values.to(self._device) if _has_room(self._device, values.nbytes) else values


def channels_first(images: Tensor) -> Tensor:
    """The images (n, h, w, c) as (n, c, h, w) in PyTorch's own memory layout. A single channel has the strides of both
    layouts, and convolutions would mistake it, so it is reshaped instead.
    """
    if images.shape[-1] == 1:
        return images.squeeze(-1).unsqueeze(1)
    return images.movedim(-1, 1).contiguous()


def _per_value(spec: Spec) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and std of each value of a flattened sample, or a common pair: rows of 3 channels would broadcast
    slowly.
    """
    if len(spec.mean) == len(spec.std) == 1:
        return spec.mean, spec.std
    pixels = spec.input_shape[0] * spec.input_shape[1] if spec.is_image else 1
    return spec.mean * pixels, spec.std * pixels


def _has_room(device: torch.device, size: int) -> bool:
    """True if the size in bytes is at most half of the free memory of a GPU; always true for other devices."""
    if device.type != "cuda":
        return True
    # Else what PyTorch keeps of memory that nothing uses, such as that of an earlier trial, counts as used. What graphs
    # have reserved it does not give back, and nothing else can have it.
    torch.cuda.empty_cache()
    return size <= torch.cuda.mem_get_info(device)[0] // 2


def _tensor(array: Array) -> Tensor:
    """A tensor that shares the array's memory, which may be a read-only file: it is never written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(array))
