"""Themes by name have all colors, and all of them can be read."""

from __future__ import annotations

import pytest
from rich.color_triplet import ColorTriplet

from dltui.tui.terminal.capabilities import Terminal, chosen
from dltui.tui.terminal.named_themes import CONTRAST, CONTRAST_LIGHT, NAMED_THEMES
from dltui.tui.terminal.settings import ScreenSettings
from dltui.tui.terminal.theme import OTHER, Palette
from dltui.tui.terminal.theme_colors import DARK, DARK_256, LIGHT_THEMES, OF_256, PLAIN, THEME_COLORS

TEXTS = ("foreground", "dim", "accent", "train", "validation", "best", "good", "warn", "bad", "key")


def luminance(color: str) -> float:
    parts = [value / 255 for value in bytes.fromhex(color[1:])]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """After WCAG 2.1."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", [*NAMED_THEMES, *(name + OF_256 for name in NAMED_THEMES)])
def test_every_color_is_there_and_can_be_read(name: str) -> None:
    ink = THEME_COLORS[name]
    assert ink.keys() == THEME_COLORS[DARK].keys()
    # Of 256 colors the nearest is less exact.
    least = 4.0 if not name.startswith("contrast") else 6.0 if name.endswith(OF_256) else 7.0
    for word in (*TEXTS, *(word for word in ink if word.startswith("run-"))):
        assert contrast(ink[word], ink["background"]) >= least, (word, contrast(ink[word], ink["background"]))
    assert contrast(ink["foreground"], ink["selected"]) >= 4.5
    for kind in ("heat", "miss"):
        for amount in (0.1, 0.5, 1.0):
            style = Palette(name, color_blind=True).style(f"{kind}:{amount}")
            front, back = (color.get_truecolor().hex for color in (style.color, style.bgcolor) if color)
            assert contrast(front, back) >= 3.0, (kind, amount)


@pytest.mark.parametrize("name", NAMED_THEMES)
def test_a_name_holds_at_every_depth_of_color(name: str) -> None:
    wish = ScreenSettings(theme=name)
    assert chosen(Terminal(theme=DARK), wish).theme == name
    assert chosen(Terminal(theme=DARK_256), wish).theme == name + OF_256
    assert chosen(Terminal(theme=PLAIN, color=False), wish).theme == PLAIN
    assert (OTHER[name] in LIGHT_THEMES) != (name in LIGHT_THEMES)


def test_high_contrast_has_a_light_and_a_dark_one() -> None:
    assert OTHER[CONTRAST] == CONTRAST_LIGHT
    assert OTHER[CONTRAST_LIGHT] == CONTRAST


def test_sent_as_picked() -> None:
    """Rich rounds each of the 256 to the number that was picked."""
    from rich.color import Color, ColorSystem

    for name in NAMED_THEMES:
        for color in THEME_COLORS[name + OF_256].values():
            number = Color.from_triplet(ColorTriplet(*bytes.fromhex(color[1:]))).downgrade(ColorSystem.EIGHT_BIT).number
            assert number is not None
            assert number >= 16
