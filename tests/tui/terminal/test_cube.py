"""The 256 colors: what is picked is what the terminal gets, and heat is told apart by its lightness."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet

from dltui.tui.terminal.cube import nearest, perceived, shade
from dltui.tui.terminal.theme import Palette, color_system, textual_theme
from dltui.tui.terminal.theme_colors import DARK, DARK_256, LIGHT, LIGHT_256, RAMPS, THEME_COLORS

GRAYS_OF_THE_CUBE = {59, 102, 145, 188}
PICKED = [DARK_256, LIGHT_256]


def sent(color: Color | None) -> int | None:
    """The number that Rich sends to a terminal with 256 colors."""
    assert color is not None
    return color.downgrade(ColorSystem.EIGHT_BIT).number


def lightness(theme: str, word: str) -> float:
    background = Palette(theme).style(word).bgcolor
    assert background is not None
    return perceived(background.get_truecolor())[0]


@pytest.mark.parametrize("number", sorted(set(range(16, 256)) - GRAYS_OF_THE_CUBE))
def test_what_is_picked_is_sent(number: int) -> None:
    assert sent(Color.from_triplet(shade(number))) == number


@pytest.mark.parametrize("theme", PICKED)
@pytest.mark.parametrize("kind", ["heat", "miss"])
def test_more_heat_is_more_to_see(theme: str, kind: str) -> None:
    shades = [lightness(theme, f"{kind}:{hundredths / 100:.2f}") for hundredths in range(1, 101)]
    assert shades == sorted(shades, reverse=theme == LIGHT_256)
    assert len(set(shades)) == len(RAMPS[theme, kind])


@pytest.mark.parametrize("theme", PICKED)
def test_grounds_are_told_apart(theme: str) -> None:
    grounds = [THEME_COLORS[theme][word] for word in ("background", "bar", "unfocused", "selected")]
    assert len(set(grounds)) == 4
    assert sent(Color.parse(textual_theme(theme).background or "")) in (233, 231)


def test_both_tables_know_the_same_words() -> None:
    assert all(THEME_COLORS[theme].keys() == THEME_COLORS[DARK].keys() for theme in (LIGHT, DARK_256, LIGHT_256))


@pytest.mark.parametrize(
    ("color", "number"),
    [
        ((17, 20, 27), 233),  # Rounded channel by channel it is black,
        ((34, 48, 73), 236),  # dark cyan,
        ((203, 160, 135), 180),  # and skin a yellow.
        ((255, 0, 0), 196),
        ((255, 255, 255), 231),
        ((0, 0, 0), 16),
        ((128, 128, 128), 244),
    ],
)
def test_the_nearest_color_is_the_one_that_eyes_choose(color: tuple[int, int, int], number: int) -> None:
    assert nearest(ColorTriplet(*color)) == number


def test_pixels_are_the_nearest_colors() -> None:
    style = Palette(DARK_256).style("pixel:11141b:ff0000")
    assert (sent(style.color), sent(style.bgcolor)) == (233, 196)
    assert Palette(DARK).style("pixel:11141b:ff0000").color == Color.from_rgb(17, 20, 27)


def test_the_colors_of_a_theme_are_sent_as_they_are() -> None:
    assert color_system(DARK) == ColorSystem.TRUECOLOR
    assert color_system(LIGHT_256) == ColorSystem.EIGHT_BIT
    assert color_system("dltui-16") == ColorSystem.STANDARD
