"""Finds samples that look broken: images without content, and files of an unusual size or shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.machine.cpu import cpu_count

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

BLACK, WHITE, PLAIN, FAINT = "all black", "all white", "of one color", "almost blank"
SMALL, LONG = "much smaller than the others", "much longer or wider than the others"
FAINT_CONTRAST = 2.0
"""The contrast, of 255, below which an image is almost blank."""
TIMES = 4
"""So many times smaller a side, or so many times longer an image than the median, is odd."""
AT_ONCE = 256


def blank(images: Array) -> dict[int, str]:
    """The images (n, height, width, channels) that show nothing, by row, and why."""
    flat = images.reshape(len(images), -1)
    least, most = flat.min(axis=1), flat.max(axis=1)
    found = {}
    for row in np.flatnonzero(most - least.astype(np.int16) <= 8 * FAINT_CONTRAST).tolist():
        pixels = images[row]
        if (pixels == pixels[0, 0]).all():
            found[row] = BLACK if most[row] == 0 else WHITE if least[row] == 255 else PLAIN
        elif pixels.std(axis=(0, 1)).max() < FAINT_CONTRAST:
            found[row] = FAINT
    return found


def misshapen(files: Iterable[Path]) -> dict[int, str]:
    """The images among files whose size or shape is unlike that of the others, by their place, and why."""
    sizes = list(_sizes(files))
    known = np.array([size for size in sizes if size is not None], dtype=np.float64).reshape(-1, 2)
    if not len(known):
        return {}
    usual = np.median(known.min(axis=1))
    shape = np.median(np.log(known[:, 0] / known[:, 1]))
    found = {}
    for place, size in enumerate(sizes):
        if size is None:
            continue
        if min(size) * TIMES < usual:
            found[place] = SMALL
        elif abs(np.log(size[0] / size[1]) - shape) > np.log(TIMES):
            found[place] = LONG
    return found


def _sizes(files: Iterable[Path]) -> Iterator[tuple[int, int] | None]:
    """The width and height of each file; None for one that cannot be read."""
    with ThreadPoolExecutor(max_workers=cpu_count()) as pool:
        yield from pool.map(_size, files, chunksize=AT_ONCE)


def _size(path: Path) -> tuple[int, int] | None:
    try:
        return image_file.look(str(path))[0]
    except (UnreadableError, OSError):
        return None
