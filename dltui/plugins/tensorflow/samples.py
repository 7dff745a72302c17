"""The samples of a batch: from the device where they fit, else read ahead from their memory-mapped file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from dltui.core.data.streaming import Stream, can_stream, consecutive, is_read
from dltui.core.machine import nvidia

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

GPU_BYTES = 4 << 30
"""The most bytes of a split that a GPU holds."""


def placed(x: Array, device: str) -> Any:
    """Samples as a tensor on `device` ("/CPU:0"); large samples stay an array mapped from a file."""
    stays = is_read(x) if "CPU" in device else can_stream(x) and x.nbytes > _room(device)
    return x if stays else tf.constant(np.asarray(x))


def _room(device: str) -> int:
    """The bytes of samples that a GPU takes: half of what is free, as far as a driver tells, beside the model."""
    gpus, number = nvidia.gpus(), int(device.rpartition(":")[2])
    free = gpus[number].free_bytes if number < len(gpus) else None
    return GPU_BYTES if free is None else min(GPU_BYTES, free // 2)


def rows_of(x: Any, rows: slice) -> Any:
    """Consecutive rows of what `placed` gave."""
    return consecutive(x, rows) if isinstance(x, np.memmap) else x[rows.start : rows.stop]


class TrainingSamples:
    """The samples for the steps of training, for use inside a `tf.function`."""

    def __init__(self, x: Any) -> None:
        self._x = x
        self._stream = Stream(x) if isinstance(x, np.memmap) else None

    def begin(self, indices: Array) -> None:
        """Set the rows (steps, batch) of the coming steps."""
        if self._stream is not None:
            self._stream.begin(indices)

    def batch(self, step: Any, rows: Any) -> Any:
        """The samples of a step with these rows; both are tensors."""
        if self._stream is None:
            return tf.gather(self._x, rows)
        found = tf.numpy_function(self._stream.take, [step], tf.as_dtype(self._x.dtype))
        return tf.ensure_shape(found, (rows.shape[0], *self._x.shape[1:]))
