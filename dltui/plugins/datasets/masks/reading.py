"""Reads mask files: the class of each pixel as a number, in the size of the images that a model sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.errors import RunError
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.text import clean_line
from dltui.plugins.datasets.images import items

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.datasets.masks.listing import Pair

INDEXED = ("P", "L", "1")
GRAY16 = ("I", "I;16", "I;16L", "I;16B", "I;16N")


class Mask(NamedTuple):
    """A mask in the size of the samples, uint8 (height, width), and how often its file has each value, (256,).
    `turned`: the image is, by what the camera noted in it. `padded`: some pixels are not of the file, and ignored.
    """

    pixels: Array
    counts: Array
    turned: bool = False
    padded: bool = False


class Broken(NamedTuple):
    """The file of a pair that cannot be read, and why."""

    file: str
    reason: str


def read(pair: Pair, reading: Mapping[str, Any]) -> Mask | Broken:
    """The mask of an image, or which of both files cannot be read. Raises RunError for a mask that is none, and for a
    file that cannot be read at this moment.
    """
    file = pair.image
    try:
        (width, height), _ = items.seen(file, image_file.look)
        turned = items.seen(file, lambda opened: image_file.guarded(opened, image_file.orientation)) != 1
        file = pair.mask
        values = _values(file)
    except UnreadableError as error:
        return Broken(file, str(error))
    if values.shape != (height, width):
        own = f"{values.shape[1]}x{values.shape[0]}"
        image = f"{clean_line(pair.image)} is {width}x{height}"
        told = (f"{image} once it is turned as the camera noted (EXIF); turn the mask, too" if turned else
                f"{image}; make both one size")  # fmt: skip
        raise RunError(f"{clean_line(pair.mask)} is {own}, its image {told}")
    counts = np.bincount(values.ravel(), minlength=256)
    made, padded = _resized(Image.fromarray(values), (reading["width"], reading["height"]), str(reading["fit"]))
    return Mask(np.asarray(made), counts, turned, padded)


def _values(path: str) -> Array:
    """The numbers in a file. Raises UnreadableError, and RunError for colors and for what a JPEG makes of numbers."""
    kind, mode, values = items.seen(
        path, lambda file: image_file.guarded(file, lambda image: (image.format, image.mode, np.asarray(image)))
    )
    name = clean_line(path)
    if kind in image_file.JPEGS:
        raise RunError(f"{name} is a JPEG, which changes the numbers of classes; save masks as PNG")
    if mode not in (*INDEXED, *GRAY16):
        raise RunError(f"{name} has colors ({mode}); save the class number of each pixel as a gray or palette PNG")
    if mode in GRAY16 and values.max(initial=0) > IGNORED:
        raise RunError(f"{name} has the value {int(values.max())}; class numbers are 0 to {IGNORED - 1}")
    return np.ascontiguousarray(values, dtype=np.uint8)


def _resized(mask: Image.Image, size: tuple[int, int], fit: str) -> tuple[Image.Image, bool]:
    """As images are resized, by the nearest pixel: classes are not mixed. What is padded does not count; True where
    something is.
    """
    if mask.size == size:
        return mask, False
    method = Image.Resampling.NEAREST
    if fit == "stretch":
        return mask.resize(size, method), False
    if fit == "crop":
        return ImageOps.fit(mask, size, method), False
    inner = ImageOps.contain(mask, size, method)
    if inner.size == size:
        return inner, False
    return ImageOps.pad(inner, size, method, color=IGNORED), True


def first(mask: str, value: int) -> str:
    """The first place of a value in a mask file, for a message."""
    try:
        values = _values(mask)
    except (UnreadableError, RunError):
        return ""
    places = np.argwhere(values == value)
    return f" at row {places[0][0] + 1}, column {places[0][1] + 1}" if len(places) else ""
