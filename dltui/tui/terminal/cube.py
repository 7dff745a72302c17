"""The 256 colors of a terminal: their values, and the one that is nearest to a color as eyes see it.

Rich rounds each channel of a color by itself when a terminal has 256, which turns dark blue to black and skin to olive.
So colors are picked here, and handed over as a value that Rich rounds to just them.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color_triplet import ColorTriplet

LEVELS = (0, 95, 135, 175, 215, 255)
"""The levels of each channel in the cube, colors 16 to 231."""
GRAYS = range(232, 256)
BLACK, WHITE = 16, 231


def shade(number: int) -> ColorTriplet:
    """A color as a value that Rich sends as this number: for grays not quite its own."""
    if number in GRAYS:
        level = round((number - GRAYS.start + 1) * 255 / 25)
        return ColorTriplet(level, level, level)
    return _cube(number)


def _cube(number: int) -> ColorTriplet:
    red, rest = divmod(number - 16, 36)
    green, blue = divmod(rest, 6)
    return ColorTriplet(LEVELS[red], LEVELS[green], LEVELS[blue])


def light(color: ColorTriplet) -> float:
    """Brightness as television weighs it, 0 to 255."""
    return 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue


@lru_cache(maxsize=40_000)
def nearest(color: ColorTriplet) -> int:
    """The number of the most similar color. Only its neighbors in the cube and among the grays are looked at."""
    wanted = perceived(color)

    def distance(number: int) -> float:
        return sum((a - b) ** 2 for a, b in zip(_known(number), wanted, strict=True))

    return min(_neighbors(color), key=distance)


def _neighbors(color: ColorTriplet) -> list[int]:
    sides = [_around(value) for value in color]
    cube = [16 + 36 * red + 6 * green + blue for red in sides[0] for green in sides[1] for blue in sides[2]]
    gray = min(max(round((light(color) - 8) / 10), 0), len(GRAYS) - 1)
    # The other grays of the cube are among the grays, too.
    colored = [number for number in cube if len(set(_cube(number))) > 1 or number in (BLACK, WHITE)]
    return [*colored, *GRAYS[max(gray - 1, 0) : gray + 2]]


def _around(value: int) -> tuple[int, ...]:
    """The levels below and above."""
    above = next(number for number, level in enumerate(LEVELS) if level >= value)
    return (above,) if LEVELS[above] == value else (above - 1, above)


@lru_cache(maxsize=256)
def _known(number: int) -> tuple[float, float, float]:
    level = 8 + 10 * (number - GRAYS.start)
    return perceived(ColorTriplet(level, level, level) if number in GRAYS else _cube(number))


def perceived(color: ColorTriplet) -> tuple[float, float, float]:
    """Lightness, red against green, yellow against blue: Oklab (Ottosson 2020), in which distances are as eyes see."""
    red, green, blue = (linear(value / 255) for value in color)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def linear(value: float) -> float:
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
