"""Images of the terminal's own: what it is sent is read as kitty documents it."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltui.tui.base.appearance import Appearance
from dltui.tui.base.effects import screen_picture
from dltui.tui.base.effects.images import MOST, Images
from dltui.tui.draw.picture import MOST_CELLS, picture
from dltui.tui.terminal import kitty
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.settings import ScreenSettings
from dltui.tui.terminal.theme import Palette
from dltui.tui.terminal.theme_colors import DARK, PLAIN
from tests.tui.scenario import FakeServices, lines, looked_inside, shown, text, until

KITTY = Terminal(images="kitty")
Box = tuple[int, int]


class KittyTerminal:
    """The images that a terminal has, by their numbers, as far as it understands what it is sent."""

    def __init__(self) -> None:
        self.images: dict[int, Any] = {}
        self.boxes: dict[int, Box] = {}
        """Columns and rows."""
        self._number, self._data = 0, ""

    def write(self, sent: str) -> None:
        assert re.sub("\x1b_G[^\x1b]*\x1b\\\\", "", sent) == ""
        for head, data in re.findall("\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\\\", sent):
            assert len(data) <= 4096
            self._obey(dict(item.split("=") for item in head.split(",")), data)

    def _obey(self, asked: dict[str, str], data: str) -> None:
        if "i" in asked:
            assert asked["q"] == "2", "an answer would be taken for typed keys"
            self._number = int(asked["i"])
        match asked.get("a", ""):
            case "d":
                del self.images[self._number], self.boxes[self._number]
            case "p":
                assert asked["U"] == "1"
                self.boxes[self._number] = int(asked["c"]), int(asked["r"])
            case _:
                self._data += data
                if asked["m"] == "0":
                    with Image.open(io.BytesIO(base64.b64decode(self._data))) as image:
                        self.images[self._number] = np.asarray(image)
                    self._data = ""


def places(cells: Iterable[str]) -> list[tuple[int, int]]:
    """The row and the column that each cell says that it shows."""
    marks = [chr(code) for code in range(0x300, 0x830) if unicodedata.combining(chr(code)) == 230]
    fused = "0300 0301 0302 0303 0304 0306 0307 0308 0309 030A 030B 030C 030F 0311 0313 0314 0342 0653 0654".split()
    known = [mark for mark in marks if f"{ord(mark):04X}" not in fused and not unicodedata.decomposition(mark)]
    assert (known[0], known[35], known[128]) == ("\u0305", "\u0592", "\u082d"), "as in kitty's rowcolumn-diacritics.txt"
    return [(known.index(cell[1]), known.index(cell[2])) for cell in cells]


def test_the_terminal_gets_each_image_once_and_sharp() -> None:
    terminal = KittyTerminal()
    images = Images(terminal.write)
    image = np.random.default_rng(0).integers(0, 255, (28, 28, 3)).astype(np.uint8)
    number = images.number(image, 16, 8)
    assert images.number(image, 16, 8) == number
    assert images.number(image, 20, 10) != number
    assert terminal.boxes[number] == (16, 8)
    assert np.array_equal(terminal.images[number], image.repeat(5, axis=0).repeat(5, axis=1))
    large = images.number(np.zeros((2000, 3000, 3), np.uint8), 30, 10)
    assert terminal.images[large].shape == (200, 300, 3)
    terminal.images.clear()
    images.send_again()
    assert len(terminal.images) == 3
    images.clear()
    assert not terminal.images


def test_the_oldest_are_taken_back() -> None:
    terminal = KittyTerminal()
    images = Images(terminal.write)
    first = images.number(np.zeros((4, 4, 3), np.uint8), 1, 1)
    for level in range(1, MOST):
        images.number(np.full((4, 4, 3), level, np.uint8), 2, 1)
    images.number(np.zeros((4, 4, 3), np.uint8), 1, 1)
    images.number(np.full((4, 4, 3), 9, np.uint8), 3, 1)
    assert len(terminal.images) == MOST
    assert first in terminal.images


def test_cells_say_which_part_of_the_image_they_show() -> None:
    found = kitty.cells(7, kitty.MOST_CELLS)
    assert places(re.findall(f"{kitty.CELL}..", found)) == [(7, column) for column in range(kitty.MOST_CELLS)]
    assert MOST_CELLS <= kitty.MOST_CELLS


@pytest.mark.parametrize(
    ("shape", "box"), [((28, 28, 1), (20, 10)), ((100, 300, 3), (40, 7)), ((300, 100, 3), (7, 10))]
)
def test_an_image_keeps_its_proportions(shape: tuple[int, ...], box: Box) -> None:
    terminal = KittyTerminal()
    look = Appearance(KITTY, ScreenSettings(), Images(terminal.write).number).look
    rows = picture(np.zeros(shape, np.uint8), 40, 10, look)
    assert (len(rows[0][0][0]), len(rows)) == box == next(iter(terminal.boxes.values()))
    color = Palette(DARK).style(rows[0][0][1]).color
    assert color is not None
    assert color.triplet is not None
    assert int(color.triplet.hex[1:], 16) == next(iter(terminal.images))


@pytest.mark.parametrize("terminal", [Terminal(), KITTY._replace(ascii=True), KITTY._replace(theme=PLAIN)])
def test_other_terminals_get_none(terminal: Terminal) -> None:
    assert Appearance(terminal, ScreenSettings(), lambda *_: 1).look.number is None


async def test_mistakes_are_shown_and_a_picture_of_the_page_has_half_blocks(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen_picture, "_RENDERERS", ())
    monkeypatch.chdir(tmp_path)
    async with shown(services, (120, 40), KITTY, run="bold-wren") as (app, pilot):
        terminal = KittyTerminal()
        monkeypatch.setattr(app, "_write", terminal.write)
        await pilot.press("3")
        await until(pilot, lambda: looked_inside(app.screen) and kitty.CELL in text(app))
        cells = [cell for line in lines(app) for cell in re.findall(f"{kitty.CELL}..", line)]
        assert len(cells) == sum(columns * rows for columns, rows in terminal.boxes.values())
        assert "▀" not in text(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "saved: " in text(app))
        (file,) = (tmp_path / "exports").rglob("*.svg")
        assert kitty.CELL not in file.read_text()
        assert "▀" in file.read_text()
        assert kitty.CELL in text(app)
        app.exit()
        assert not terminal.images
