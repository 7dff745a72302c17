"""Reads image files of strangers into arrays of one size; what cannot be read is named instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

    from dltui.core.contract.types import Array

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MOST_PIXELS = 50_000_000
"""Beyond it a small file can be a large part of the memory: a decompression bomb."""
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "F")

Fit = Literal["crop", "pad", "stretch"]


class UnreadableError(Exception):
    """Why an image cannot be read, in a few words."""


@dataclass(frozen=True)
class Picture:
    """`pixels` uint8 (height, width, 3); `colored` when the channels differ anywhere."""

    pixels: Array
    colored: bool


def read(path: str, size: int, fit: Fit, gray: bool = False) -> Picture:
    """An image as a square of `size` pixels a side; 0: as it is. `gray`: without colors. Raises UnreadableError."""
    import numpy as np

    try:
        image = _upright(path)
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError("too large for the memory") from None
    except Exception as error:
        # Decoders meet arbitrary bytes here, and raise what they like.
        raise UnreadableError(_reason(error)) from None
    if size:
        image = resized(image, size, fit)
    if gray:
        image = image.convert("L")
    pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    colored = image.mode != "L" and bool((pixels != pixels[..., :1]).any())
    return Picture(pixels, colored)


def shape(path: str) -> tuple[int, int]:
    """Width and height as the header says. Raises UnreadableError."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            return image.size
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(_reason(error)) from None


def resized(image: Image, size: int, fit: Fit) -> Image:
    """The image as a square: its middle, all of it with black beside it, or distorted."""
    from PIL import Image, ImageOps

    if image.size == (size, size):
        return image
    method = Image.Resampling.LANCZOS
    if fit == "stretch":
        return image.resize((size, size), method)
    if fit == "crop":
        return ImageOps.fit(image, (size, size), method)
    return ImageOps.pad(image, (size, size), method)


def _upright(path: str) -> Image:
    """Decoded whole, turned as the camera says, in mode L or RGB, transparency on white."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=FORMATS) as opened:
        _check_size(opened)
        opened.load()
        turned = ImageOps.exif_transpose(opened)
        if turned.mode in GRAY_MODES:
            return _gray(turned)
        if turned.has_transparency_data:
            turned = turned.convert("RGBA")
            paper = Image.new("RGBA", turned.size, "white")
            turned = Image.alpha_composite(paper, turned)
        return turned.convert("RGB")


def _gray(image: Image) -> Image:
    """Mode L. Of 16 bits the upper 8 are kept: Pillow would cut off what is above 255."""
    import numpy as np
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image.convert("L")
    values = np.asarray(image).astype(np.float64)
    return Image.fromarray(np.clip(values / 257, 0, 255).astype(np.uint8))


def _check_size(image: Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise UnreadableError(f"{width * height / 1e6:,.0f} megapixels, more than {MOST_PIXELS // 10**6} are not read")


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MOST_PIXELS // 10**6} megapixels are not read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).strip().split("\n", 1)[0]
    return "cut off" if "truncated" in text.lower() else text[:80] or type(error).__name__
