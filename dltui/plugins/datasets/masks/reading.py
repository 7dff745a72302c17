"""Reads mask files: the class of each pixel as a number, in the size of the images that a model sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.errors import RunError
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.datasets.masks.listing import Pair

INDEXED = ("P", "L", "1")
TURNED = range(2, 9)
"""Values of the EXIF orientation of an image that is turned or mirrored."""
GRAY16 = ("I", "I;16", "I;16L", "I;16B", "I;16N")


class Mask(NamedTuple):
    """A mask in the size of the samples, uint8 (height, width), and how often its file has each value, (256,).
    `turned`: the image is, by what the camera noted in it.
    """

    pixels: Array
    counts: Array
    turned: bool = False


def read(pair: Pair, reading: Mapping[str, Any]) -> Mask:
    """The mask of an image. Raises UnreadableError where one of both files cannot be read, RunError for a mask that
    is none.
    """
    (width, height), _ = image_file.look(pair.image)
    turned = image_file.guarded(pair.image, _is_turned)
    values = _values(pair.mask)
    if values.shape != (height, width):
        own = f"{values.shape[1]}x{values.shape[0]}"
        image = f"{clean_line(pair.image)} is {width}x{height}"
        told = (f"{image} once it is turned as the camera noted (EXIF); turn the mask, too" if turned else
                f"{image}; make both one size")  # fmt: skip
        raise RunError(f"{clean_line(pair.mask)} is {own}, its image {told}")
    counts = np.bincount(values.ravel(), minlength=256)
    wanted = reading["width"], reading["height"]
    return Mask(np.asarray(_resized(Image.fromarray(values), wanted, str(reading["fit"]))), counts, turned)


def _is_turned(image: ImageFile.ImageFile) -> bool:
    """True for an image that is shown in another way than its file has it, by its header alone."""
    # A PNG would be decoded for notes behind its pixels; Pillow turns a TIFF itself.
    known = image.format not in ("PNG", "TIFF") or "exif" in image.info
    return known and image.getexif().get(image_file.ORIENTATION) in TURNED


def _values(path: str) -> Array:
    """The numbers in a file. Raises UnreadableError, and RunError for colors and for what a JPEG makes of numbers."""
    kind, mode, values = image_file.guarded(path, lambda opened: (opened.format, opened.mode, np.asarray(opened)))
    name = clean_line(path)
    if kind in image_file.JPEGS:
        raise RunError(f"{name} is a JPEG, which changes the numbers of classes; save masks as PNG")
    if mode not in (*INDEXED, *GRAY16):
        raise RunError(f"{name} has colors ({mode}); save the class number of each pixel as a gray or palette PNG")
    if mode in GRAY16 and values.max(initial=0) > IGNORED:
        raise RunError(f"{name} has the value {int(values.max())}; class numbers are 0 to {IGNORED - 1}")
    return np.ascontiguousarray(values, dtype=np.uint8)


def _resized(mask: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """As images are resized, by the nearest pixel: classes are not mixed. What is padded does not count."""
    if mask.size == size:
        return mask
    method = Image.Resampling.NEAREST
    if fit == "stretch":
        return mask.resize(size, method)
    if fit == "crop":
        return ImageOps.fit(mask, size, method)
    return ImageOps.pad(mask, size, method, color=IGNORED)


def first(mask: str, value: int) -> str:
    """The first place of a value in a mask file, for a message."""
    try:
        values = _values(mask)
    except (UnreadableError, RunError):
        return ""
    places = np.argwhere(values == value)
    return f" at row {places[0][0] + 1}, column {places[0][1] + 1}" if len(places) else ""
