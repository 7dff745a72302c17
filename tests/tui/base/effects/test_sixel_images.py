"""Sixel images: what the terminal is sent is read by a decoder of the format, cell by cell."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from dltui.tui.base.appearance import Appearance
from dltui.tui.base.effects.sixel_images import FIRST, LAST, SixelImages
from dltui.tui.draw.picture import picture
from dltui.tui.terminal import sixel
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.meter import AnsiDiff
from dltui.tui.terminal.settings import ScreenSettings
from dltui.tui.terminal.sixel import NOTHING, Window
from dltui.tui.terminal.theme_colors import PLAIN
from tests.helpers.sixel import SixelTerminal, decoded

WINDOW = Window(40, 120, 18, 9)
SIXEL = Terminal(images="sixel")


def images() -> SixelImages:
    return SixelImages(window=lambda: WINDOW)


def noise(high: int, wide: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (high, wide, 3)).astype(np.uint8)


def test_the_sequence_has_every_pixel() -> None:
    colors = np.array([[0, 0, 0], [255, 255, 255], [204, 51, 102]], np.uint8)
    pixels = np.random.default_rng(1).integers(0, 3, (17, 40)).astype(np.uint8)
    pixels[:, 20:30], pixels[3:, 31:] = 2, NOTHING
    found = decoded(re.fullmatch("\x1bP(.*)\x1b\\\\", sixel.sequence(pixels, colors))[1])
    assert np.array_equal(found[pixels != NOTHING], colors[pixels[pixels != NOTHING]])
    assert (found[pixels == NOTHING] == -1).all()


def test_a_small_image_is_sharp_and_a_large_one_keeps_its_proportions() -> None:
    known, terminal = images(), SixelTerminal(WINDOW)
    image = noise(6, 6)
    number = known.number(image, 6, 3)
    for row in range(3):
        terminal.write(known.painted(f"\x1b[{5 + row};11H{known.cells(number, row, 6)}|"))
    shown_ = terminal.pixels[4 * 18 : 7 * 18, 10 * 9 : 16 * 9]
    assert np.abs(shown_ - image.repeat(9, axis=0).repeat(9, axis=1).astype(int)).max() <= 2
    assert terminal.with_images() == 18
    assert [terminal.text[4 + row, 16] for row in range(3)] == ["|"] * 3
    large = known.number(noise(400, 800), 20, 5)
    terminal.write(known.painted(f"\x1b[20;1H{known.cells(large, 4, 20)}"))
    assert (terminal.cell(19, 19) >= 0).all()


def test_letters_take_their_cells_back_and_parts_are_painted_alone() -> None:
    known, terminal = images(), SixelTerminal(WINDOW)
    number = known.number(noise(8, 8), 8, 4)
    line = known.cells(number, 1, 8)
    terminal.write(known.painted(f"\x1b[2;1H{line}"))
    whole = terminal.pixels.copy()
    terminal.write(known.painted("\x1b[2;3Hover"))
    assert terminal.with_images() == 4
    terminal.write(known.painted(f"\x1b[2;3H{line[2:6]}"))
    assert np.array_equal(terminal.pixels, whole)
    # Two parts that are no neighbors, and cells of another row.
    terminal.write(known.painted(f"\x1b[2;1H{line[:2]}{known.cells(number, 2, 8)[:3]}{line[5:]}"))
    assert np.array_equal(terminal.cell(1, 7), whole[18:36, 63:72])
    assert terminal.with_images() == 8


def test_nothing_is_painted_in_the_last_row_and_of_unknown_images() -> None:
    known, terminal = images(), SixelTerminal(WINDOW)
    line = known.cells(known.number(noise(8, 8), 8, 4), 0, 8)
    terminal.write(known.painted(f"\x1b[40;1H{line}|"))
    assert terminal.with_images() == 0
    assert terminal.text[39, 8] == "|"
    known.clear()
    assert known.painted(f"\x1b[2;1H{line}|") == "\x1b[2;1H        |"
    assert known.cells(FIRST, 0, 3) == "   "


def test_numbers_are_used_again_when_all_are_taken() -> None:
    known = images()
    first = known.number(noise(2, 2), 100, 100)
    numbers = [known.number(noise(2, 2, seed), 100, 100) for seed in range(1, 4)]
    assert numbers[-1] == first == FIRST
    assert max(numbers) + 100 * 100 <= LAST
    assert known.number(noise(2, 2, 3), 100, 100) == first
    assert known.number(noise(2, 2), 100, 100) != first


def test_colors_are_thinned_around_an_image_and_stay_right() -> None:
    known, terminal = images(), SixelTerminal(WINDOW)
    line = known.cells(known.number(noise(8, 8), 8, 4), 0, 8)
    output = AnsiDiff().thin(known.painted(f"\x1b[2;1H\x1b[1;31ma\x1b[0;48;5;17m{line}\x1b[0;1;31mb\x1b[0m"))
    terminal.write(output)
    assert terminal.with_images() == 8
    assert re.search(r"\x1b\[0;48;5;17m\x1b7 {8}\x1b8", output)
    assert output.endswith("\x1b[0;1;31mb")


@pytest.mark.parametrize(
    ("terminal", "window", "shows"),
    [
        (SIXEL, WINDOW, True),
        # Its colors are its own: also where letters have 16.
        (SIXEL._replace(theme=PLAIN), WINDOW, True),
        (SIXEL, None, False),
        (SIXEL._replace(ascii=True), WINDOW, False),
        (SIXEL._replace(color=False), WINDOW, False),
    ],
)
def test_half_blocks_where_pixels_are_not_known(
    terminal: Terminal, window: Window | None, shows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sixel, "window", lambda: window)
    known = images()
    look = Appearance(terminal, ScreenSettings(), known.number).look
    assert (look.number is not None) is shows
    assert picture(noise(8, 8), 8, 4, look)[0][0][1].startswith("image:") is shows


def test_a_line_without_pixels_has_no_window() -> None:
    assert sixel.window() is None or sixel.window().high > 0
