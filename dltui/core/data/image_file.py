"""Reads an image file into a model's pixels: in training, in `predict` and in an exported predict.py.

An exported predict.py contains this file as it is, so that it needs Pillow and NumPy alone.
"""

from __future__ import annotations

import errno
import functools
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

Pixels = np.ndarray[Any, np.dtype[Any]]
File = str | io.BytesIO
"""A path, or what a file holds."""
T = TypeVar("T")

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")
INSTALLS = {".heic": "pip install pillow-heif", ".heif": "pip install pillow-heif", ".avif": "pip install -U pillow"}
MOST_PIXELS = 50_000_000
"""Beyond it a small file can be a large part of the memory: a decompression bomb."""
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F")
SIDEWAYS = (5, 6, 7, 8)
"""Values of the EXIF orientation that exchange width and height."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How an image of an EXIF orientation is made upright."""
ORIENTATION = 0x0112
JPEGS = ("JPEG", "MPO")
LOW = {"L": "B", "B": "L", "N": "L" if np.dtype(">u2").isnative else "B"}
"""By the order of the two bytes of a value (little, big, this machine's) the one by which its low byte comes first."""
DEEP_COLORS = tuple(f"{bands};16{order}" for bands in ("RGB", "RGBX", "RGBA") for order in LOW)
"""The raw modes of a PNG or a TIFF of 16 bits a color."""
AWAY = (
    *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOENT),
)
"""Errors that are not the file's: its disk does not answer, this process has no more of something, or it is gone."""
STEPS = {"1": 255, "L;2": 85, "L;4": 17}
"""PNG gives the transparent gray in the file's own bits; Pillow gives the pixels in 8 bits."""


class UnreadableError(Exception):
    """The reason why an image cannot be read, in a few words."""


class NotNowError(UnreadableError):
    """The file may be good, but it cannot be read at this moment: whoever keeps what was read must not leave it out.
    `number` is that of the system's error.
    """

    def __init__(self, reason: str, number: int) -> None:
        super().__init__(reason)
        self.number = number


def read(file: File, reading: Mapping[str, Any]) -> Pixels:
    """The pixels of an image file, uint8 (height, width, channels). Raises UnreadableError.

    `reading` is a description that can be kept as JSON: "height" and "width" to make it, by "fit" (crop, pad or
    stretch), after a "border" around it has been cut off; "channels" 1 or 3; "range" of the values that become black
    and white in images of more than 8 bits; "draft": whether a JPEG is decoded at a half, a quarter or an eighth of
    its size where that is large enough, which takes a fraction of the time.
    """
    low, high = reading.get("range") or (0, 65535)
    border = reading.get("border") or 0
    width, height = reading["width"], reading["height"]
    size, mode = (width + 2 * border, height + 2 * border), "L" if reading["channels"] == 1 else "RGB"
    least = size if reading.get("draft") else None
    image = guarded(file, lambda opened: _upright(opened, (low, high), least))
    image = resized(image, size, reading.get("fit", "stretch"))
    if border:
        image = image.crop((border, border, border + width, border + height))
    pixels = np.asarray(image if image.mode == mode else image.convert(mode), dtype=np.uint8)
    return pixels.reshape(height, width, reading["channels"])


def with_border(reading: Mapping[str, Any]) -> dict[str, Any]:
    """The reading that keeps the border that another cuts off."""
    border = reading.get("border") or 0
    larger = {side: reading[side] + 2 * border for side in ("height", "width")}
    return {**reading, **larger, "border": 0}


def look(file: File) -> tuple[tuple[int, int], bool]:
    """The width and height of the upright image, and True for more than 8 bits, from the file's header."""
    return guarded(file, _header)


def value_range(file: File) -> tuple[float, float]:
    """The least and the greatest value in an image of more than 8 bits. Raises UnreadableError."""
    return guarded(file, _values_of)


def resized(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """The image in another size: cropped to its middle, padded with black, or distorted."""
    if image.size == size:
        return image
    method = Image.Resampling.LANCZOS
    if fit == "stretch":
        return image.resize(size, method)
    return ImageOps.fit(image, size, method) if fit == "crop" else ImageOps.pad(image, size, method)


@functools.cache
def formats() -> tuple[str, ...]:
    """The formats in FORMATS that this Pillow can open; with pillow-heif also HEIC."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def guarded(file: File, function: Callable[[ImageFile.ImageFile], T]) -> T:
    """Call `function` with the opened image and return its result. Raises UnreadableError for whatever a decoder
    raises, NotNowError where the file is not why.
    """
    try:
        with Image.open(file, formats=formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                megapixels = f"{image.width * image.height / 1e6:,.0f} megapixels"
                raise UnreadableError(f"{megapixels}, more than {MOST_PIXELS // 10**6} are not read")
            return function(image)
    except UnreadableError:
        raise
    except Exception as error:
        raise failed(error, file if isinstance(file, str) else "") from None


def failed(error: Exception, path: str) -> UnreadableError:
    """The error to raise for whatever an attempt to read an image raised; `path` is "" for what is no file."""
    # An image of so few pixels as are read is rarely too large: others have taken the memory.
    number = errno.ENOMEM if isinstance(error, MemoryError) else error.errno if isinstance(error, OSError) else None
    if number in AWAY:
        return NotNowError(_reason(error, path), number)
    return UnreadableError(_reason(error, path))


def orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation of an image that is not decoded yet, 1 to 8; 1 where nothing that can be read says one."""
    # A PNG would be decoded for notes behind its pixels; Pillow turns a TIFF itself.
    known = image.format not in ("PNG", "TIFF") or "exif" in image.info
    return _noted(image) if known else 1


def _noted(image: Image.Image) -> int:
    try:
        found = image.getexif().get(ORIENTATION, 1)
        return int(found) if found in TURNS else 1
    except Exception as error:
        # Damaged notes, which are told by many errors, do not damage the pixels; errors of the disk have a number.
        if isinstance(error, OSError) and error.errno:
            raise
        return 1


def _turned(image: Image.Image) -> Image.Image:
    """The image upright; itself where it is. Pillow's `exif_transpose` would also write the notes anew, which fails for
    odd ones.
    """
    turn = TURNS.get(_noted(image))
    return image if turn is None else image.transpose(turn)


def _header(image: ImageFile.ImageFile) -> tuple[tuple[int, int], bool]:
    width, height = image.size
    if orientation(image) in SIDEWAYS:
        width, height = height, width
    return (width, height), _is_deep(image) or _raw_mode(image) in DEEP_COLORS


def _values_of(image: ImageFile.ImageFile) -> tuple[float, float]:
    low = _low_bytes(image)
    values = _values(image) if low is None else _joined(image, low)[..., :3]
    return float(values.min()), float(values.max())


def _shrink(image: ImageFile.ImageFile, least: tuple[int, int]) -> None:
    """Let a JPEG be decoded smaller, but not smaller than this width and height of the upright image."""
    sideways = least[0] != least[1] and orientation(image) in SIDEWAYS
    image.draft(None, least[::-1] if sideways else least)


def _upright(
    image: ImageFile.ImageFile, limits: tuple[float, float], least: tuple[int, int] | None = None
) -> Image.Image:
    """The decoded image, turned upright by its EXIF orientation, in mode L or RGB, transparency on white. It may be
    smaller than in its file, but not than `least`.
    """
    if least is not None and image.format in JPEGS:
        _shrink(image, least)
    clear, low = _transparent_gray(image), _low_bytes(image)
    image.load()
    turned = _turned(image)
    gray = turned.mode in GRAY_MODES
    if low is not None:
        pixels = np.array(turned)
        pixels[..., :3] = _scaled(_joined(turned, _turned(low))[..., :3], limits)
        turned = Image.fromarray(pixels)
    elif _is_deep(turned):
        values = _values(turned)
        pixels = _scaled(values, limits)
        pixels[values == clear] = 255
        return Image.fromarray(pixels)
    if gray and clear is not None:
        pixels = np.array(turned.convert("L"))
        pixels[pixels == clear] = 255
        return Image.fromarray(pixels)
    if turned.has_transparency_data:
        turned = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
    mode = "L" if gray else "RGB"
    return turned if turned.mode == mode else turned.convert(mode)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith(("I", "F"))


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """The pixel format in the file, before decoding; "" when it is not known."""
    args = image.tile[0][3] if image.tile else ""
    raw = args[0] if isinstance(args, tuple) and args else args
    return raw if isinstance(raw, str) else ""


def _low_bytes(image: ImageFile.ImageFile) -> Image.Image | None:
    """The low bytes of a PNG or a TIFF with 16 bits per color, of which Pillow gives the high bytes; None for other
    images.
    """
    raw = _raw_mode(image)
    if raw not in DEEP_COLORS:
        return None
    low = raw[:-1] + LOW[raw[-1]]
    with Image.open(_again(image), formats=("PNG", "TIFF")) as again:
        again.tile = [
            part._replace(args=(low, *part.args[1:]) if isinstance(part.args, tuple) else low) for part in again.tile
        ]
        again.load()
        return again


def _again(image: ImageFile.ImageFile) -> File:
    """The file of an opened image, for opening it a second time."""
    if image.filename:
        return str(image.filename)
    assert image.fp is not None, "nothing is decoded yet"
    place = image.fp.tell()
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(place)
    return io.BytesIO(content)


def _joined(upper: Image.Image, lower: Image.Image) -> Pixels:
    joined: Pixels = np.asarray(upper).astype(np.float64) * 256 + np.asarray(lower)
    return joined


def _scaled(values: Pixels, limits: tuple[float, float]) -> Pixels:
    low, high = limits
    return np.rint(np.clip((values - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)


def _values(image: Image.Image) -> Pixels:
    """The values of an image of more than 8 bits. Raises UnreadableError where some are no numbers."""
    values: Pixels = np.asarray(image).astype(np.float64)
    lost = int(np.count_nonzero(~np.isfinite(values)))
    if lost:
        raise UnreadableError(f"{lost:,} of its {values.size:,} pixels are no numbers (NaN or infinite)")
    return values


def _transparent_gray(image: ImageFile.ImageFile) -> int | None:
    """The gray value that a file without alpha declares transparent, in the decoded pixels' values."""
    clear = image.info.get("transparency")
    if image.mode not in GRAY_MODES or not isinstance(clear, int):
        return None
    return clear * STEPS.get(_raw_mode(image), 1)


def _reason(error: Exception, path: str) -> str:
    if isinstance(error, UnidentifiedImageError):
        install = INSTALLS.get(Path(path).suffix.lower())
        return f"not an image, or one that needs {install}" if install else "not an image"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MOST_PIXELS // 10**6} megapixels are not read"
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).strip().split("\n", 1)[0]
    return "cut off" if "truncated" in text.lower() else text[:80] or type(error).__name__
