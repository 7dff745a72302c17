"""The tables of colors: what each style word looks like, dark and light, in 24 bits, in 256 and in 16 colors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.color_triplet import ColorTriplet

from dltui.tui.terminal.cube import nearest, shade
from dltui.tui.terminal.named_themes import BRIGHT, NAMED_THEMES

DARK, LIGHT, PLAIN = "dltui-dark", "dltui-light", "dltui-16"
DARK_256, LIGHT_256 = "dltui-dark-256", "dltui-light-256"
"""Themes for terminals that round each color to one of their 256: their colors are chosen among these."""

# Blue and orange stay apart for color-blind eyes; green and red always come with a word.
_OWN: dict[str, dict[str, str]] = {
    DARK: {
        "background": "#11141b",
        "bar": "#1a1f2a",
        "foreground": "#d5dae3",
        "dim": "#8a94a6",
        "faint": "#4d5768",
        "rule": "#2c3443",
        "accent": "#7cc4ff",
        "train": "#4aa8f0",
        "train-faint": "#28517a",
        "validation": "#ffb057",
        "best": "#fff3b0",
        "good": "#6fd08c",
        "warn": "#f0c265",
        "bad": "#ff7b7b",
        "selected": "#223049",
        "unfocused": "#1b2433",
        "empty": "#2a3240",
        "key": "#a9d6ff",
        "run-green": "#3fcf9b",
        "run-purple": "#e58fc4",
        "run-yellow": "#efe25a",
        "run-red": "#ff7f50",
        "run-violet": "#a394ff",
        "run-plain": "#d5dae3",
    },
    LIGHT: {
        "background": "#fbfbf9",
        "bar": "#ecefef",
        "foreground": "#1f2733",
        "dim": "#5d6878",
        "faint": "#a4adb9",
        "rule": "#d3d8dd",
        "accent": "#0b62b0",
        "train": "#1170c4",
        "train-faint": "#a9cdea",
        "validation": "#c35a00",
        "best": "#8a4b00",
        "good": "#1a7f42",
        "warn": "#8f6200",
        "bad": "#c1272d",
        "selected": "#d5e6f7",
        "unfocused": "#e7edf2",
        "empty": "#dde2e6",
        "key": "#0b62b0",
        "run-green": "#00805d",
        "run-purple": "#b0468a",
        "run-yellow": "#8a7a00",
        "run-red": "#b8320b",
        "run-violet": "#5b3fc4",
        "run-plain": "#1f2733",
    },
}

# After Okabe & Ito 2008: told apart with any kind of color blindness.
COLOR_BLIND: dict[str, dict[str, str]] = {
    DARK: {
        "train": "#56b4e9",
        "train-faint": "#2b5a75",
        "validation": "#e69f00",
        "best": "#f0e442",
        "good": "#56b4e9",
        "warn": "#f0e442",
        "bad": "#ff8a3d",
    },
    LIGHT: {
        "train": "#0072b2",
        "train-faint": "#a6cde3",
        "validation": "#b35900",
        "best": "#7a5d00",
        "good": "#0072b2",
        "warn": "#7a5d00",
        "bad": "#b34700",
    },
}

_PICKED: dict[str, dict[str, int]] = {
    DARK_256: {
        "background": 233,
        "bar": 235,
        "foreground": 253,
        "dim": 247,
        "faint": 241,
        "rule": 238,
        "accent": 117,
        "train": 75,
        "train-faint": 24,
        "validation": 215,
        "best": 229,
        "good": 114,
        "warn": 221,
        "bad": 210,
        "selected": 238,
        "unfocused": 236,
        "empty": 237,
        "key": 153,
        "run-green": 79,
        "run-purple": 176,
        "run-yellow": 227,
        "run-red": 209,
        "run-violet": 141,
        "run-plain": 253,
    },
    LIGHT_256: {
        "background": 231,
        "bar": 255,
        "foreground": 235,
        "dim": 241,
        "faint": 247,
        "rule": 252,
        "accent": 25,
        "train": 26,
        "train-faint": 153,
        "validation": 130,
        "best": 94,
        "good": 28,
        "warn": 94,
        "bad": 160,
        "selected": 153,
        "unfocused": 254,
        "empty": 253,
        "key": 25,
        "run-green": 29,
        "run-purple": 133,
        "run-yellow": 100,
        "run-red": 124,
        "run-violet": 56,
        "run-plain": 235,
    },
}
_PICKED_COLOR_BLIND: dict[str, dict[str, int]] = {
    DARK_256: {
        "train": 74,
        "train-faint": 24,
        "validation": 214,
        "best": 227,
        "good": 74,
        "warn": 227,
        "bad": 209,
    },
    LIGHT_256: {
        "train": 25,
        "train-faint": 153,
        "validation": 130,
        "best": 94,
        "good": 25,
        "warn": 94,
        "bad": 130,
    },
}
COLOR_BLIND |= {
    theme: {word: shade(number).hex for word, number in colors.items()} for theme, colors in _PICKED_COLOR_BLIND.items()
}
OF_256 = "-256"
"""Ends the name of each theme whose colors are among the 256 colors of a terminal."""


class _ThemeColors(Mapping[str, dict[str, str]]):
    """The colors of each theme as `#rrggbb`, by style word. Those among 256 are found when a theme is first used: to
    find them all would hold up the first frame.
    """

    def __init__(self) -> None:
        self._known = _OWN | NAMED_THEMES
        self._names = (*_OWN, *_PICKED, *NAMED_THEMES, *(name + OF_256 for name in NAMED_THEMES))

    def __getitem__(self, theme: str) -> dict[str, str]:
        if theme not in self._known:
            self._known[theme] = _among_256(theme)
        return self._known[theme]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _among_256(theme: str) -> dict[str, str]:
    """Raises KeyError for a theme that there is not."""
    if theme in _PICKED:
        return {word: shade(number).hex for word, number in _PICKED[theme].items()}
    if not theme.endswith(OF_256):
        raise KeyError(theme)
    return {word: _picked(color) for word, color in NAMED_THEMES[theme.removesuffix(OF_256)].items()}


def _picked(color: str) -> str:
    return shade(nearest(ColorTriplet(*bytes.fromhex(color[1:])))).hex


THEME_COLORS = _ThemeColors()
LIGHT_THEMES = frozenset((LIGHT, LIGHT_256, *BRIGHT, *(name + OF_256 for name in BRIGHT)))
"""Those with a light background."""

# From little to much, each lighter than the one before it on dark, darker on light.
RAMPS: dict[tuple[str, str], tuple[int, ...]] = {
    (DARK_256, "heat"): (17, 18, 24, 25, 31, 32, 75),
    (DARK_256, "miss"): (52, 88, 130, 166, 208, 215),
    (LIGHT_256, "heat"): (195, 153, 117, 75, 33, 32, 25),
    (LIGHT_256, "miss"): (223, 216, 209, 202, 166, 130),
}
"""Backgrounds of the cells of a matrix."""

# The names of the 16 colors: the terminal decides how they look, on dark and on light backgrounds.
NAMED: dict[str, str] = {
    "accent": "cyan",
    "train": "blue",
    "train-faint": "blue",
    "validation": "yellow",
    "best": "magenta",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
    "key": "cyan",
    "run-green": "green",
    "run-purple": "magenta",
    "run-yellow": "bright_yellow",
    "run-red": "red",
    "run-violet": "bright_blue",
}
