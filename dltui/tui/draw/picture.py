"""An image in terminal cells: two pixels a cell where there are colors, a ramp of brightness where there are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.tui.draw.styled_text import Row, merge

if TYPE_CHECKING:
    from dltui.tui.draw.styled_text import Look

RAMP = " ░▒▓█"
RAMP_ASCII = " .:-=+*#%@"


def picture(image: Any, columns: int, rows: int, look: Look) -> list[Row]:
    """At most that many cells of an image uint8 (h, w, c), in its proportions: one pixel is half a cell high."""
    pixels = _sized(image, columns, 2 * rows)
    return _ramp(pixels, look.ascii) if look.ascii or look.mono or look.few else _halves(pixels)


def _sized(image: Any, width: int, height: int) -> Any:
    """uint8 (h, w, 3), h even: as many times larger as fits, in whole pixels, or smaller by LANCZOS."""
    import numpy as np
    from PIL import Image

    image = np.ascontiguousarray(image)
    image = np.repeat(image[..., :1], 3, axis=2) if image.shape[2] < 3 else image[..., :3]
    high, wide = image.shape[:2]
    times = min(width / wide, height / high)
    if times >= 1:
        image = image.repeat(int(times), axis=0).repeat(int(times), axis=1)
    else:
        size = (max(1, int(wide * times)), max(1, int(high * times)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    return image if len(image) % 2 == 0 else np.concatenate([image, np.zeros_like(image[:1])])


def _halves(pixels: Any) -> list[Row]:
    """The upper pixel is the ink of a half block, the lower one its background."""
    rows: list[Row] = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        rows.append(
            merge(("▀", f"pixel:{_hex(above)}:{_hex(below)}") for above, below in zip(upper, lower, strict=True))
        )
    return rows


def _hex(color: list[int]) -> str:
    """Five bits a channel: eyes see no more in a cell, and more neighbors are alike, which is fewer bytes."""
    return "".join(f"{min(value + 4, 255) & 0xF8:02x}" for value in color)


def _ramp(pixels: Any, ascii_only: bool) -> list[Row]:
    """The brighter, the denser; brightness as television weighs colors."""
    signs = RAMP_ASCII if ascii_only else RAMP
    light = pixels @ (0.299, 0.587, 0.114)
    level = ((light[::2] + light[1::2]) / 2 / 256 * len(signs)).astype(int)
    return [[("".join(signs[number] for number in line), "")] for line in level.tolist()]
