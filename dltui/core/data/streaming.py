"""Reads the samples of coming batches ahead, from data that is too large to be kept in memory."""

from __future__ import annotations

import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

STREAMED_BYTES = 256 << 20
"""The size in bytes above which no framework copies samples to CPU memory, where they would have to fit beside
the model."""
PHOTO_BYTES = 64 << 10
"""Samples of so many bytes each are never copied there, or mapped: reading one costs little beside a step on it."""
AHEAD = 8
AHEAD_BYTES = 64 << 20
"""So many batches, of together at most so many bytes, are read while the model computes."""


def can_stream(x: Array) -> bool:
    """True if an array lies in a file as a single contiguous block."""
    return isinstance(x, np.memmap) and x.flags.c_contiguous and x.base is not None


def is_read(x: Array) -> bool:
    """True if the rows of an array in a file are read when they are needed: what is mapped or copied counts as memory
    of this process.
    """
    return can_stream(x) and (x.nbytes > STREAMED_BYTES or x[:1].nbytes >= PHOTO_BYTES)


def consecutive(x: Array, rows: slice) -> Array:
    """Consecutive rows of an array: read where `is_read` says so."""
    if not isinstance(x, np.memmap) or not is_read(x):
        return x[rows]
    start, stop, _ = rows.indices(len(x))
    found = np.empty((max(stop - start, 0), *x.shape[1:]), dtype=x.dtype)
    left, offset = found.reshape(-1).view(np.uint8), _offset(x) + start * int(x[:1].nbytes)
    file = os.open(str(x.filename), os.O_RDONLY | os.O_CLOEXEC)
    try:
        while len(left):
            count = os.preadv(file, [left.data], offset)
            if not count:
                raise OSError(
                    f"rows {start} to {stop} of the prepared data cannot be read: its file has become shorter"
                )
            left, offset = left[count:], offset + count
    finally:
        os.close(file)
    return found


def _offset(x: Array) -> int:
    """The place of an array's first byte in its file."""
    assert isinstance(x, np.memmap), "only what can_stream"
    mapped: mmap.mmap = x.__dict__["_mmap"]
    begin = int(x.offset) // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    # A slice of a mapped array still says the offset of the whole.
    return begin + x.ctypes.data - np.frombuffer(mapped, dtype=np.uint8).ctypes.data


class Stream:
    """Batches of rows of an array that is mapped from a file.

    They are read by plain reads of whole rows, several at once: touching the mapped pages would wait for the disk once
    a page, and the kernel would read ahead pages that are not needed.
    """

    def __init__(self, x: Array) -> None:
        assert isinstance(x, np.memmap), "only what can_stream"
        self._offset = _offset(x)
        self._shape, self._dtype = x.shape[1:], x.dtype
        self._row = int(x[:1].nbytes)
        self._file = os.open(str(x.filename), os.O_RDONLY | os.O_CLOEXEC)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_RANDOM)
        self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="dltui-stream")
        self._plan: Array = np.zeros((0, 0), dtype=np.int32)
        self._coming: dict[int, Future[Array]] = {}

    def begin(self, indices: Array) -> None:
        """Set the rows of the coming steps: integers (steps, batch)."""
        for future in self._coming.values():
            future.cancel()
        self._plan, self._coming = indices, {}
        self._read_from(0)

    def take(self, step: int) -> Array:
        """The samples of the next step (batch, ...), while those of later steps are being read."""
        self._read_from(step)
        return self._coming.pop(step).result()

    def _read_from(self, step: int) -> None:
        batch_bytes = max(1, self._plan.shape[1] * self._row) if len(self._plan) else 1
        ahead = max(1, min(AHEAD, AHEAD_BYTES // batch_bytes))
        for number in range(step, min(step + 1 + ahead, len(self._plan))):
            if number not in self._coming:
                self._coming[number] = self._pool.submit(self._read, self._plan[number])

    def _read(self, rows: Array) -> Array:
        found = np.empty((len(rows), *self._shape), dtype=self._dtype)
        places = found.reshape(len(rows), -1).view(np.uint8)
        for place, row in zip(places, rows.tolist(), strict=True):
            if os.preadv(self._file, [place.data], self._offset + row * self._row) != self._row:
                raise OSError(f"row {row} of the prepared data cannot be read: its file has become shorter")
        return found
