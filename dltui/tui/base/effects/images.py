"""The images that the terminal has been given, where it can show them: each once, the oldest taken back."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dltui.tui.terminal import kitty
from dltui.tui.terminal.capabilities import SIXEL

if TYPE_CHECKING:
    from dltui.tui.base.effects.sixel_images import SixelImages

MOST = 256
"""More than a page shows at once."""
CELL_WIDTH, CELL_HEIGHT = 10, 20
"""About the pixels of a cell: no image is sent with more."""


def given(kind: str, write: Callable[[str], object], driver: object) -> Images | SixelImages:
    """The images of a terminal that shows them in this way; `write` and `driver` write to it."""
    if kind != SIXEL:
        return Images(write)
    from dltui.tui.base.effects.sixel_images import SixelImages

    return SixelImages(driver)


class Images:
    """Gives images to the terminal; `write` writes to it."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._known: dict[bytes, tuple[int, str]] = {}
        """The number of each and what gives it to the terminal, the latest shown last."""
        # Other programs in the same terminal number theirs, too.
        self._next = (os.getpid() & 0x7FFF) << 8 | 1

    def number(self, image: Any, columns: int, rows: int) -> int:
        """The number of an image uint8 (h, w, 3) in a box of cells, which the terminal knows from here on."""
        key = hashlib.blake2b(image.tobytes(), key=repr((image.shape, columns, rows)).encode()).digest()
        known = self._known.pop(key, None)
        if known is None:
            known = self._next, kitty.transmission(self._next, _png(image, columns, rows), columns, rows)
            self._next = self._next % 0xFFFFFF + 1
            self._write(known[1])
        self._known[key] = known
        if len(self._known) > MOST:
            self._write(kitty.removal(self._known.pop(next(iter(self._known)))[0]))
        return known[0]

    def cells(self, number: int, row: int, count: int) -> str:
        """The cells of one row of an image, from its first column on."""
        return kitty.cells(row, count)

    def send_again(self) -> None:
        """Give all to a terminal that may have lost them, as after Ctrl-Z."""
        for _, sent in self._known.values():
            self._write(sent)

    def clear(self) -> None:
        """Take all back."""
        for number, _ in self._known.values():
            self._write(kitty.removal(number))
        self._known.clear()


def _png(image: Any, columns: int, rows: int) -> bytes:
    """The image as a file, its pixels enlarged by a whole factor, so that they stay sharp, or reduced."""
    from PIL import Image

    high, wide = image.shape[:2]
    times = min(columns * CELL_WIDTH / wide, rows * CELL_HEIGHT / high)
    if times >= 1:
        found = Image.fromarray(image.repeat(int(times), axis=0).repeat(int(times), axis=1))
    else:
        size = (max(1, int(wide * times)), max(1, int(high * times)))
        found = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    with io.BytesIO() as file:
        found.save(file, "PNG")
        return file.getvalue()
