"""The contrast of two colors, and colors with enough of it to be read."""

from __future__ import annotations

from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet

from dltui.tui.terminal.cube import linear, nearest, shade

LEAST = 4.5
"""What WCAG 2 asks of text (level AA)."""
STEPS = 20


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: ColorTriplet) -> float:
    red, green, blue = (linear(value / 255) for value in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(color: ColorTriplet, text: ColorTriplet, ground: ColorTriplet, picked: bool) -> ColorTriplet:
    """The color with as much of the color of `text` as makes it readable on `ground`; with `picked` one of the 256."""
    if contrast(color, ground) >= LEAST:
        return color
    for step in range(1, STEPS):
        mixed = blend_rgb(color, text, step / STEPS)
        if picked:
            mixed = shade(nearest(mixed))
        if contrast(mixed, ground) >= LEAST:
            return mixed
    return text
