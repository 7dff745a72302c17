"""The contrast of two colors, and colors with enough of it to be read."""

from __future__ import annotations

from functools import lru_cache

from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet

from dltui.tui.terminal.cube import BLACK, GRAYS, linear, perceived, shade

LEAST = 4.5
"""What WCAG 2 asks of text (level AA)."""
STEPS = 20
LIGHTNESS = 0.05
"""The weight of a difference in lightness beside one in hue."""
NUMBERS = range(BLACK, GRAYS.stop)
"""The colors of which a terminal's user cannot choose others."""


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    return _ratio(_luminance(one), _luminance(other))


def _ratio(*luminances: float) -> float:
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


@lru_cache(maxsize=512)
def _luminance(color: ColorTriplet) -> float:
    red, green, blue = (linear(value / 255) for value in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(color: ColorTriplet, text: ColorTriplet, ground: ColorTriplet, picked: bool) -> ColorTriplet:
    """The color with as much of the color of `text` as makes it readable on `ground`; with `picked` the most similar
    one of the 256 that is readable.
    """
    if contrast(color, ground) >= LEAST:
        return color
    if picked:
        return _most_similar(color, ground)
    mixed = (blend_rgb(color, text, step / STEPS) for step in range(1, STEPS))
    return next((one for one in mixed if contrast(one, ground) >= LEAST), text)


def _most_similar(color: ColorTriplet, ground: ColorTriplet) -> ColorTriplet:
    """The readable one of the 256 colors with the most similar hue: the lightness has to differ."""
    wanted, behind = perceived(color), _luminance(ground)

    def distance(number: int) -> float:
        lightness, red, yellow = (a - b for a, b in zip(_known(number), wanted, strict=True))
        return LIGHTNESS * lightness**2 + red**2 + yellow**2

    found = (number for number in NUMBERS if _ratio(_luminance(shade(number)), behind) >= LEAST)
    return shade(min(found, key=distance))


@lru_cache(maxsize=256)
def _known(number: int) -> tuple[float, float, float]:
    return perceived(shade(number))
