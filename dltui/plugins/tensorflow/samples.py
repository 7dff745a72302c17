"""The samples of a batch: from the device where they fit, else from their memory-mapped file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

STREAMED_BYTES = {"CPU": 256 << 20, "GPU": 4 << 30}
"""Larger samples are not copied: a copy would have to fit into the memory beside the model."""


def is_streamed(size: int, device: str) -> bool:
    """Whether so many bytes stay in their file; `device` as TensorFlow calls it ("/CPU:0")."""
    return size > STREAMED_BYTES[device.strip("/").split(":")[0]]


def rows_of(x: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    """What gives the samples of int64 rows (batch,), for use inside a `tf.function`; `x` is a tensor, or an array
    mapped from a file. Only the rows of a batch are read of that, while the graph runs."""
    if not isinstance(x, np.ndarray):
        return lambda rows: tf.gather(x, rows)
    dtype = tf.as_dtype(x.dtype)

    def read(rows: Any) -> Any:
        found = tf.numpy_function(lambda wanted: x[wanted], [rows], dtype, stateful=False)
        return tf.ensure_shape(found, (rows.shape[0], *shape))

    return read
