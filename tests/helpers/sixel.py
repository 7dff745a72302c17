"""A terminal that shows sixel images, as far as tests need one: a decoder of the format, and cells."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from dltui.tui.terminal.sixel import Window

_PARTS = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[(\d+)C|\x1b([78])|\x1bP([^\x1b]*)\x1b\\|(\x1b\[[^a-zA-Z]*[a-zA-Z])|(.)")


def decoded(data: str) -> Any:
    """The pixels int (h, w, 3) of a sixel image, -1 where it paints nothing."""
    head, _, body = data.partition("q")
    assert head == "0;1"
    raster = re.match(r'"1;1;(\d+);(\d+)', body)
    assert raster is not None
    wide, high = int(raster[1]), int(raster[2])
    pixels = np.full((high + 6, wide, 3), -1)
    colors: dict[str, list[int]] = {}
    x = y = 0
    color = ""
    for number, mix, times, letter, move in re.findall(
        r"#(\d+)(?:;2;(\d+;\d+;\d+))?|(?:!(\d+))?([?-~])|([$-])", body[raster.end() :]
    ):
        if mix:
            colors[number] = [round(int(part) * 2.55) for part in mix.split(";")]
        color = number or color
        if move:
            x, y = 0, y + 6 * (move == "-")
        if letter:
            for bit in range(6):
                if (ord(letter) - 63) >> bit & 1:
                    pixels[y + bit, x : x + int(times or 1)] = colors[color]
            x += int(times or 1)
        assert x <= wide
    assert (pixels[high:] == -1).all()
    return pixels[:high]


class SixelTerminal:
    """A terminal whose cells hold a letter or their part of an image."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.pixels = np.full((window.rows * window.high, window.columns * window.wide, 3), -1)
        self.text: dict[tuple[int, int], str] = {}
        self.sent = 0
        self._row = self._column = 0
        self._kept = (0, 0)

    def write(self, output: str) -> None:
        self.sent += len(output)
        for row, column, right, kept, image, _, letter in _PARTS.findall(output):
            if row:
                self._row, self._column = int(row) - 1, int(column) - 1
            elif right:
                self._column = min(self._column + int(right), self.window.columns - 1)
            elif kept == "7":
                self._kept = self._row, self._column
            elif kept:
                self._row, self._column = self._kept
            elif image:
                self._paint(decoded(image))
            elif letter:
                self.text[self._row, self._column] = letter
                self.cell(self._row, self._column)[:] = -1
                self._column += 1

    def _paint(self, image: Any) -> None:
        _, _, high, wide = self.window
        assert len(image) <= high, "an image may not reach into the next row"
        assert self._row + 1 < self.window.rows, "the terminal would scroll"
        top, left = self._row * high, self._column * wide
        place = self.pixels[top : top + image.shape[0], left : left + image.shape[1]]
        place[image >= 0] = image[image >= 0]
        # Some terminals leave the cursor below an image.
        self._row, self._column = self._row + 1, 0

    def cell(self, row: int, column: int) -> Any:
        _, _, high, wide = self.window
        return self.pixels[row * high : (row + 1) * high, column * wide : (column + 1) * wide]

    def with_images(self) -> int:
        """The number of cells that show their part of an image."""
        return sum(
            (self.cell(row, column) >= 0).any()
            for row in range(self.window.rows)
            for column in range(self.window.columns)
        )
