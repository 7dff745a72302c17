"""Images for a terminal that shows sixels: on the page each of their cells is a letter of its own, so that rows are
drawn, cut and covered as ever; on their way to the terminal the letters become spaces with the image painted over them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dltui.tui.terminal import sixel
from dltui.tui.terminal.driver import QuietDriver
from dltui.tui.terminal.sixel import Window

FIRST, LAST = 0xF0000, 0xF7FFF
"""The letters that stand for cells, more than a window has: of a private area of Unicode, which no text has."""
_PARTS = re.compile(f"\x1b\\[([0-9]+);[0-9]+H|[{chr(FIRST)}-{chr(LAST)}]+")


@dataclass(frozen=True, eq=False)
class _Image:
    """An image in a box of cells, which are numbered row by row from `number` on."""

    number: int
    columns: int
    rows: int
    pixels: Any
    colors: Any
    painted: dict[tuple[int, int, int], str] = field(default_factory=dict)
    """The sequences for a row of cells, from a column on, so many of them."""

    @property
    def end(self) -> int:
        """The number after that of the last cell."""
        return self.number + self.columns * self.rows

    def sequence(self, row: int, column: int, count: int) -> str:
        known = self.painted.get((row, column, count))
        if known is None:
            high, wide = self.pixels.shape[0] // self.rows, self.pixels.shape[1] // self.columns
            part = self.pixels[row * high : (row + 1) * high, column * wide : (column + count) * wide]
            known = self.painted[row, column, count] = sixel.sequence(part, self.colors)
        return known


class SixelImages:
    """The images that pages show, painted by what `driver` writes; `window` tells the terminal's window, None where its
    pixels are not known.
    """

    def __init__(self, driver: object = None, window: Callable[[], Window | None] | None = None) -> None:
        self._window = window or sixel.window
        self._known: dict[bytes, _Image] = {}
        self._next = FIRST
        self._row = 0
        """The row of the cursor, from 1."""
        if isinstance(driver, QuietDriver):
            driver.painted = self.painted

    def number(self, image: Any, columns: int, rows: int) -> int:
        """The number of an image uint8 (h, w, 3) in a box of cells."""
        window = self._window() or sixel.USUAL
        box = f"{image.shape} {columns} {rows} {window.wide} {window.high}"
        key = hashlib.blake2b(image.tobytes(), key=box.encode()).digest()
        found = self._known.get(key)
        if found is None:
            first = self._next if self._next + columns * rows <= LAST else FIRST
            found = _Image(first, columns, rows, *_sized(image, columns * window.wide, rows * window.high))
            self._next = found.end
            self._known = {of: old for of, old in self._known.items() if old.end <= first or old.number >= found.end}
            self._known[key] = found
        return found.number

    def cells(self, number: int, row: int, count: int) -> str:
        """The cells of one row of an image, from its first column on."""
        image = self._at(number)
        if image is None or row >= image.rows:
            return " " * count
        first = number + row * image.columns
        return "".join(map(chr, range(first, first + min(count, image.columns)))).ljust(count)

    def painted(self, output: str) -> str:
        """The output with its images; the cells that it has of an image become spaces below them."""
        return _PARTS.sub(self._part, output)

    def send_again(self) -> None:
        """Do nothing: a terminal that has lost its images gets all rows again."""

    def clear(self) -> None:
        """Forget all; the terminal loses them with its cells."""
        self._known.clear()

    def _at(self, code: int) -> _Image | None:
        return next((image for image in self._known.values() if image.number <= code < image.end), None)

    def _part(self, part: re.Match[str]) -> str:
        if part[1]:
            self._row = int(part[1])
            return part[0]
        codes, out = [ord(letter) for letter in part[0]], ""
        window = self._window()
        # Below an image in the last row a terminal would scroll.
        shown = window is not None and self._row < window.rows
        while codes:
            image = self._at(codes[0])
            row, column = divmod(codes[0] - image.number, image.columns) if image else (0, 0)
            most = min(len(codes), image.columns - column) if image else len(codes)
            count = next((at for at in range(1, most) if codes[at] != codes[0] + at), most)
            out += _over(" " * count, image.sequence(row, column, count)) if image and shown else " " * count
            codes = codes[count:]
        return out


def _over(spaces: str, image: str) -> str:
    """Spaces, which take away what was there, the image over them, and the cursor behind both."""
    return f"\x1b7{spaces}\x1b8\x1b7{image}\x1b8\x1b[{len(spaces)}C"


def _sized(image: Any, wide: int, high: int) -> tuple[Any, Any]:
    """The image in as many pixels uint8 (high, wide) as its proportions let it fill, and their colors uint8 (n, 3)."""
    import numpy as np
    from PIL import Image

    times = min(wide / image.shape[1], high / image.shape[0])
    size = (max(1, round(times * image.shape[1])), max(1, round(times * image.shape[0])))
    whole = Image.fromarray(image)
    if times < 1:
        whole = whole.resize(size, Image.Resampling.LANCZOS)
    few = whole.quantize(sixel.MOST_COLORS, dither=Image.Dither.NONE)
    if times > 1:
        few = few.resize(size, Image.Resampling.NEAREST)
    pixels = np.full((high, wide), sixel.NOTHING, np.uint8)
    pixels[: size[1], : size[0]] = np.asarray(few)
    return pixels, np.asarray(few.getpalette(), np.uint8).reshape(-1, 3)
