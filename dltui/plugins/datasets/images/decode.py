"""Decodes a folder of images into one file of pixels, which may be larger than memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core.errors import RunError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import pictures
from dltui.plugins.datasets.images.pictures import Picture, UnreadableError

if TYPE_CHECKING:
    from dltui.core.contract import PreparationContext
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.listing import Sample
    from dltui.plugins.datasets.images.options import FolderOptions

AT_ONCE = 64
LARGEST_SIDE = 512
"""Images are not trained on in a larger size unless somebody says so."""
MOST_NOTES = 20


@dataclass
class Decoded:
    """By split, images uint8 (n, height, width, channels), mapped from a file, and labels int64 (n,)."""

    parts: dict[SplitName, tuple[Array, Array]]
    names: dict[SplitName, list[str]]
    """The files behind the images, as below the folder."""
    notes: tuple[str, ...]


@dataclass
class _Seen:
    """What has been read so far."""

    shape: tuple[int, ...] = ()
    first: str = ""
    colored: bool = False
    broken: list[tuple[str, str]] = field(default_factory=list)


def decode(parts: Mapping[SplitName, Sequence[Sample]], options: FolderOptions, context: PreparationContext) -> Decoded:
    """Raises RunError for sizes that do not go together, and when no image of a class can be read."""
    import numpy as np

    total, done, seen = sum(map(len, parts.values())), 0, _Seen()
    labels: dict[SplitName, list[int]] = {split: [] for split in parts}
    names: dict[SplitName, list[str]] = {split: [] for split in parts}
    file = context.scratch / "images"
    # What Pillow remarks on odd files is no concern of whoever trains on them.
    quiet = warnings.catch_warnings(action="ignore")
    with quiet, ThreadPoolExecutor(max_workers=cpu_count()) as pool, file.open("wb") as out:
        for split, samples in parts.items():
            for (path, label), picture in _pictures(pool, samples, options, seen):
                done += 1
                if picture is not None:
                    _check_shape(seen, path, picture.pixels.shape, options.size)
                    out.write(picture.pixels.tobytes())
                    labels[split].append(label)
                    names[split].append(os.path.relpath(path, options.path))
                context.progress(f"reading {plural(total, 'image')}", done / total)
    if not seen.shape:
        path, reason = seen.broken[0]
        raise RunError(f"none of {plural(total, 'image')} can be read; {clean_line(path)}: {reason}")
    for split, known in labels.items():
        if not known:
            raise RunError(f"none of the {len(parts[split]):,} {split} images can be read")
    x = np.memmap(file, dtype=np.uint8, mode="r").reshape(-1, *seen.shape)
    if options.color == "gray" or (options.color == "auto" and not seen.colored):
        x = x[..., :1]
    found, start = {}, 0
    for split, known in labels.items():
        found[split] = (x[start : start + len(known)], np.array(known, dtype=np.int64))
        start += len(known)
    return Decoded(found, names, _notes(seen, total))


def _pictures(
    pool: ThreadPoolExecutor, samples: Sequence[Sample], options: FolderOptions, seen: _Seen
) -> Iterator[tuple[Sample, Picture | None]]:
    """Each sample with its pixels, decoded some at a time on all cores; None for what cannot be read."""

    def read(sample: Sample) -> Picture | UnreadableError:
        try:
            return pictures.read(sample[0], options.size, options.fit, options.color == "gray")
        except UnreadableError as error:
            return error

    for start in range(0, len(samples), AT_ONCE):
        some = samples[start : start + AT_ONCE]
        for sample, found in zip(some, pool.map(read, some), strict=True):
            if isinstance(found, UnreadableError):
                seen.broken.append((sample[0], str(found)))
                yield sample, None
            else:
                seen.colored = seen.colored or found.colored
                yield sample, found


def _check_shape(seen: _Seen, path: str, shape: tuple[int, ...], asked: int) -> None:
    if not seen.shape:
        seen.shape, seen.first = shape, path
        if max(shape[:2]) > LARGEST_SIDE and not asked:
            raise RunError(f"images of {_size(shape)}, like {clean_line(path)}, are large: set --data size=64 or more")
    if shape != seen.shape:
        raise RunError(
            f"images have several sizes, {clean_line(seen.first)} {_size(seen.shape)}, {clean_line(path)} "
            f"{_size(shape)}: set --data size=N, and if you like --data fit=crop, pad or stretch"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _notes(seen: _Seen, total: int) -> tuple[str, ...]:
    if not seen.broken:
        return ()
    listed = [f"{clean_line(path)}: {reason}" for path, reason in seen.broken[:MOST_NOTES]]
    more = len(seen.broken) - len(listed)
    return (
        f"unreadable and left out: {len(seen.broken):,} of {plural(total, 'image')}",
        *listed,
        *([f"and {more:,} more"] if more else []),
    )
