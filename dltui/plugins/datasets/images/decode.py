"""Decodes a folder of images into a file of pixels, which may be larger than memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.errors import RunError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import clean_line, plural

if TYPE_CHECKING:
    from dltui.core.contract import PreparationContext
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.listing import Sample
    from dltui.plugins.datasets.images.options import FolderOptions

AT_ONCE = 64
DARK = 32
"""The value, of 255, below which the brightest value of a dataset is suspicious."""


@dataclass
class Decoded:
    """The decoded images. By split, images uint8 (n, height, width, channels), mapped from a file, and labels int64
    (n,).
    """

    parts: dict[SplitName, tuple[Array, Array]]
    names: dict[SplitName, list[str]]
    """The files behind the images, as below the folder."""
    reading: dict[str, Any]
    """The arguments of `image_file.read` for all images, with the channels that were found to be needed."""
    broken: list[tuple[str, str]]
    notes: tuple[str, ...]


@dataclass
class _Seen:
    """The findings about the images read so far."""

    colored: bool = False
    brightest: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)


def decode(
    parts: Mapping[SplitName, Sequence[Sample]],
    options: FolderOptions,
    reading: dict[str, Any],
    context: PreparationContext,
) -> Decoded:
    """Decode all images. Raises RunError when no image of a split can be read."""
    import numpy as np

    reading = {**reading, "channels": 1 if options.color == "gray" else 3}
    total, done, seen = sum(map(len, parts.values())), 0, _Seen()
    labels: dict[SplitName, list[int]] = {split: [] for split in parts}
    names: dict[SplitName, list[str]] = {split: [] for split in parts}
    file = context.scratch / "images"
    # What Pillow remarks on odd files is no concern of whoever trains on them.
    quiet = warnings.catch_warnings(action="ignore")
    with quiet, ThreadPoolExecutor(max_workers=cpu_count()) as pool, file.open("wb") as out:
        for split, samples in parts.items():
            for (path, label), pixels in _pixels(pool, samples, reading, seen):
                done += 1
                if pixels is not None:
                    out.write(pixels.tobytes())
                    labels[split].append(label)
                    names[split].append(os.path.relpath(path, options.path))
                context.progress(f"reading {plural(total, 'image')}", done / total)
    for split, known in labels.items():
        if not known:
            path, reason = seen.broken[0]
            count = len(parts[split])
            raise RunError(f"none of the {plural(count, f'{split} image')} can be read; {clean_line(path)}: {reason}")
    x = np.memmap(file, dtype=np.uint8, mode="r").reshape(-1, reading["height"], reading["width"], reading["channels"])
    if options.color == "auto" and not seen.colored:
        x, reading = x[..., :1], {**reading, "channels": 1}
    found, start = {}, 0
    for split, known in labels.items():
        found[split] = (x[start : start + len(known)], np.array(known, dtype=np.int64))
        start += len(known)
    return Decoded(found, names, reading, seen.broken, _dark(seen))


def _pixels(
    pool: ThreadPoolExecutor, samples: Sequence[Sample], reading: Mapping[str, Any], seen: _Seen
) -> Iterator[tuple[Sample, Array | None]]:
    """Yield each sample with its pixels, decoded in parallel on all cores; None for unreadable images."""

    def read(sample: Sample) -> tuple[Array, bool, int] | UnreadableError:
        try:
            pixels = image_file.read(sample[0], reading)
        except UnreadableError as error:
            return error
        return pixels, bool((pixels != pixels[..., :1]).any()), int(pixels.max())

    for start in range(0, len(samples), AT_ONCE):
        some = samples[start : start + AT_ONCE]
        for sample, found in zip(some, pool.map(read, some), strict=True):
            if isinstance(found, UnreadableError):
                seen.broken.append((sample[0], str(found)))
                yield sample, None
                continue
            pixels, colored, brightest = found
            seen.colored, seen.brightest = seen.colored or colored, max(seen.brightest, brightest)
            yield sample, pixels


def _dark(seen: _Seen) -> tuple[str, ...]:
    if seen.brightest >= DARK:
        return ()
    return (f"all images are nearly black: the brightest value is {seen.brightest} of 255",)
