"""Draws an image in terminal cells: itself where the terminal shows images, else two pixels per cell with colors, else
a ramp of brightness."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dltui.tui.draw.styled_text import Row, merge

if TYPE_CHECKING:
    from dltui.tui.draw.styled_text import Look

MOST_CELLS = 100
"""The most columns and rows of an image that the terminal shows itself."""
RAMP = " ░▒▓█"
RAMP_ASCII = " .:-=+*#%@"


def picture(image: Any, columns: int, rows: int, look: Look) -> list[Row]:
    """The image uint8 (h, w, c) in at most that many cells, in its proportions: a pixel is half a cell high."""
    if look.number:
        return _image(_in_color(image), columns, rows, look.number)
    pixels = _sized(_in_color(image), columns, 2 * rows)
    return _ramp(pixels, look.ascii) if look.ascii or look.mono or look.few else _halves(pixels)


def _in_color(image: Any) -> Any:
    """The image uint8 (h, w, 3), contiguous."""
    import numpy as np

    return np.ascontiguousarray(np.repeat(image[..., :1], 3, axis=2) if image.shape[2] < 3 else image[..., :3])


def _image(image: Any, columns: int, rows: int, number: Callable[[Any, int, int], int]) -> list[Row]:
    """Rows of cells for which the terminal shows the image."""
    high, wide = image.shape[:2]
    times = min(min(columns, MOST_CELLS) / wide, 2 * min(rows, MOST_CELLS) / high)
    columns, rows = max(1, round(wide * times)), max(1, round(high * times / 2))
    known = number(image, columns, rows)
    return [[(" " * columns, f"image:{known}:{row}")] for row in range(rows)]


def _sized(image: Any, width: int, height: int) -> Any:
    """The image uint8 (h, w, 3), h even: enlarged by a whole factor, or reduced by LANCZOS."""
    import numpy as np
    from PIL import Image

    high, wide = image.shape[:2]
    times = min(width / wide, height / high)
    if times >= 1:
        image = image.repeat(int(times), axis=0).repeat(int(times), axis=1)
    else:
        size = (max(1, int(wide * times)), max(1, int(high * times)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    return image if len(image) % 2 == 0 else np.concatenate([image, np.zeros_like(image[:1])])


def _halves(pixels: Any) -> list[Row]:
    """Rows of half blocks: the upper pixel is the foreground, the lower the background."""
    rows: list[Row] = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        rows.append(
            merge(("▀", f"pixel:{_hex(above)}:{_hex(below)}") for above, below in zip(upper, lower, strict=True))
        )
    return rows


def _hex(color: list[int]) -> str:
    """A color with five bits per channel: the difference is invisible, and more neighbors are equal, which
    saves bytes.
    """
    return "".join(f"{min(value + 4, 255) & 0xF8:02x}" for value in color)


def _ramp(pixels: Any, ascii_only: bool) -> list[Row]:
    """Rows of letters, the brighter the denser, with the brightness weights of television."""
    signs = RAMP_ASCII if ascii_only else RAMP
    light = pixels @ (0.299, 0.587, 0.114)
    level = ((light[::2] + light[1::2]) / 2 / 256 * len(signs)).astype(int)
    return [[("".join(signs[number] for number in line), "")] for line in level.tolist()]
