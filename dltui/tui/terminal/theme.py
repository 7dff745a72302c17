"""Colors: a dark and a light theme, a theme for 16-color terminals, and the meaning of each style word."""

from __future__ import annotations

from dataclasses import replace

from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

DARK, LIGHT, PLAIN = "dltui-dark", "dltui-light", "dltui-16"

# Blue and orange stay apart for color-blind eyes; green and red always come with a word.
INKS: dict[str, dict[str, str]] = {
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
ATTRIBUTES: dict[str, Style] = {
    "bold": Style(bold=True),
    "heading": Style(bold=True),
    "underline": Style(underline=True),
    "reverse": Style(reverse=True),
}
BACKGROUNDS = ("bar", "selected", "unfocused")
MOST_KNOWN = 8_192


def themes() -> list[Theme]:
    return [_theme(DARK, True), _theme(LIGHT, False), _plain_theme()]


def _theme(name: str, dark: bool) -> Theme:
    ink = INKS[name]
    return Theme(
        name=name,
        primary=ink["accent"],
        secondary=ink["train"],
        accent=ink["validation"],
        warning=ink["warn"],
        error=ink["bad"],
        success=ink["good"],
        foreground=ink["foreground"],
        background=ink["background"],
        surface=ink["background"],
        panel=ink["bar"],
        dark=dark,
    )


def _plain_theme() -> Theme:
    return replace(BUILTIN_THEMES["ansi-dark"], name=PLAIN)


class Palette:
    """Converts style words to styles of a theme. `heat:0.4` and `miss:0.4` are backgrounds of a matrix cell,
    `pixel:ff8800:000000` the upper and the lower pixel of a half block.
    """

    def __init__(self, theme: str, color_blind: bool = False) -> None:
        self.theme = theme
        known = INKS.get(theme)
        self._ink = known if known is None or not color_blind else known | COLOR_BLIND[theme]
        self._known: dict[str, Style] = {}

    def style(self, words: str) -> Style:
        style = self._known.get(words)
        if style is None:
            if len(self._known) >= MOST_KNOWN:
                # Pictures in color would fill the memory.
                self._known.clear()
            style = Style.combine([Style.null(), *map(self._word, words.split())])
            self._known[words] = style
        return style

    def _word(self, word: str) -> Style:
        if word in ATTRIBUTES:
            return ATTRIBUTES[word]
        if word.startswith("pixel:"):
            upper, lower = word.split(":")[1:]
            return Style(color=f"#{upper}", bgcolor=f"#{lower}")
        if ":" in word:
            return self._heat(*word.split(":"))
        ink = self._ink
        if ink is None:
            return self._named(word)
        if word in BACKGROUNDS:
            return Style(bgcolor=ink[word])
        return Style(color=ink[word]) if word in ink else Style.null()

    def _named(self, word: str) -> Style:
        if word in ("selected", "unfocused"):
            return Style(reverse=word == "selected", bold=True)
        if word in ("dim", "faint", "rule", "empty", "train-faint"):
            return Style(dim=True, color=NAMED.get(word))
        return Style(color=NAMED[word]) if word in NAMED else Style.null()

    def _heat(self, kind: str, amount: str) -> Style:
        """A background between the screen's color and the full color, with a readable foreground."""
        ink = self._ink
        share = min(max(float(amount), 0.0), 1.0)
        if ink is None:
            named = "blue" if kind == "heat" else "red"
            return Style(reverse=share >= 0.3, color=named if share >= 0.03 else None, dim=share < 0.03)
        full = _rgb(ink["train" if kind == "heat" else "validation"])
        mixed = blend_rgb(_rgb(ink["background"]), full, share**0.6 * (0.95 if kind == "heat" else 0.85))
        if share < 0.005:
            return Style(color=ink["faint"], bgcolor=Color.from_triplet(mixed))
        light = (0.299 * mixed.red + 0.587 * mixed.green + 0.114 * mixed.blue) > 128
        return Style(color="#0d1016" if light else "#f4f6fa", bgcolor=Color.from_triplet(mixed))


def _rgb(text: str) -> ColorTriplet:
    return ColorTriplet(int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))
