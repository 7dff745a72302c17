"""Reads images into rows of a file of pixels; the work of a thread, or of a process of its own."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.plugins.datasets.images import items

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.datasets.images.items import Source

VALUES = 256


class Known(NamedTuple):
    """A row of pixels that was made earlier: its file, its place in it, its channels, and its CRC-32."""

    file: str
    offset: int
    channels: int
    crc: int


@dataclass(frozen=True)
class Batch:
    """Images to be read into rows of `file`, whose rows begin behind `header` bytes; `known` are those that need not be
    read again.
    """

    file: str
    header: int
    reading: Mapping[str, Any]
    rows: list[int]
    sources: list[Source]
    known: list[Known | None]

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Batch:
        known = [one and Known(*one) for one in record["known"]]
        return cls(**{**record, "sources": [items.from_json(one) for one in record["sources"]], "known": known})


@dataclass
class Answer:
    """The findings about the images of a batch: the CRC-32 of each row, or the reason why it could not be read.
    `counts` are how often each value occurs in a channel; `colored` says whether any image is.
    """

    crcs: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    counts: list[list[int]] = field(default_factory=list)
    colored: bool = False


def write(batch: Batch) -> Answer:
    """Write the rows of a batch. Raises OSError for a file that cannot be written to, and RunError for an image that
    cannot be read at this moment.
    """
    height, width, channels = (int(batch.reading[name]) for name in ("height", "width", "channels"))
    size = height * width * channels
    answer, counts = Answer(), np.zeros((channels, VALUES), dtype=np.int64)
    out = os.open(batch.file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for row, source, known in zip(batch.rows, batch.sources, batch.known, strict=True):
            pixels = None if known is None else _kept(known, (height, width, channels))
            try:
                if pixels is None:
                    pixels = items.seen(source, lambda file: image_file.read(file, batch.reading))
            except UnreadableError as error:
                answer.crcs.append(0)
                answer.reasons.append(str(error))
                continue
            _write_all(out, pixels.tobytes(), batch.header + row * size)
            mine = _counts(pixels)
            counts += mine
            answer.colored = answer.colored or _is_colored(pixels, mine)
            answer.crcs.append(zlib.crc32(pixels.data))
            answer.reasons.append("")
    finally:
        os.close(out)
    answer.counts = counts.tolist()
    return answer


def _kept(known: Known, shape: tuple[int, int, int]) -> Array | None:
    """The pixels of a row that was made earlier, if they are still what they were. A gray one becomes three colors."""
    height, width, channels = shape
    size = height * width * known.channels
    try:
        descriptor = os.open(known.file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = os.pread(descriptor, size, known.offset)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    if len(content) != size or known.channels > channels:
        return None
    pixels = np.frombuffer(content, np.uint8).reshape(height, width, known.channels)
    if known.channels < channels:
        pixels = np.ascontiguousarray(np.broadcast_to(pixels, shape))
    return pixels if zlib.crc32(pixels.data) == known.crc else None


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _counts(pixels: Array) -> Array:
    """How often each value occurs in each channel, by Pillow: NumPy would widen each pixel to 8 bytes."""
    channels = pixels.shape[2]
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    return np.array(image.histogram(), dtype=np.int64).reshape(channels, VALUES)


def _is_colored(pixels: Array, counts: Array) -> bool:
    if (counts == counts[0]).all():
        return bool((pixels != pixels[..., :1]).any())
    return True
