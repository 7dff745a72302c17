"""Colors: dark and light themes for 24 bits and for 256 colors, one that leaves all to a terminal of 16, and what each
style word means there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.color import Color, ColorSystem, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style

from dltui.tui.terminal.contrast import readable
from dltui.tui.terminal.cube import light, nearest, shade
from dltui.tui.terminal.named_themes import CONTRAST, CONTRAST_LIGHT, NAMED_THEMES
from dltui.tui.terminal.theme_colors import (
    COLOR_BLIND,
    DARK,
    DARK_256,
    LIGHT,
    LIGHT_256,
    LIGHT_THEMES,
    NAMED,
    OF_256,
    PLAIN,
    RAMPS,
    THEME_COLORS,
)

if TYPE_CHECKING:
    from textual.theme import Theme

ATTRIBUTES: dict[str, Style] = {
    "bold": Style(bold=True),
    "heading": Style(bold=True),
    "underline": Style(underline=True),
    "reverse": Style(reverse=True),
}
BACKGROUNDS = ("bar", "selected", "unfocused")
DRAWN = ("rule", "empty", "train-faint")
"""What is no text: these need no contrast."""
MOST_KNOWN = 8_192


OTHER = {
    **dict.fromkeys(NAMED_THEMES, LIGHT),
    **dict.fromkeys((name + OF_256 for name in NAMED_THEMES), LIGHT_256),
    DARK: LIGHT, LIGHT: DARK, DARK_256: LIGHT_256, LIGHT_256: DARK_256,
    CONTRAST: CONTRAST_LIGHT, CONTRAST_LIGHT: CONTRAST,
    CONTRAST + OF_256: CONTRAST_LIGHT + OF_256, CONTRAST_LIGHT + OF_256: CONTRAST + OF_256,
}  # fmt: skip
"""The light theme for each dark one, and the reverse."""


def textual_theme(name: str) -> Theme:
    """A theme as Textual's own widgets need it."""
    # Imported with Textual's app: see `base/frames/lean_app.py`.
    from textual.theme import BUILTIN_THEMES, Theme

    if name == PLAIN:
        return replace(BUILTIN_THEMES["ansi-dark"], name=PLAIN)
    colors = THEME_COLORS[name]
    return Theme(
        name=name,
        primary=colors["accent"],
        secondary=colors["train"],
        accent=colors["validation"],
        warning=colors["warn"],
        error=colors["bad"],
        success=colors["good"],
        foreground=colors["foreground"],
        background=colors["background"],
        surface=colors["background"],
        panel=colors["bar"],
        dark=name not in LIGHT_THEMES,
    )


def color_system(theme: str) -> ColorSystem:
    """The colors in which a theme is sent to the terminal."""
    if theme == PLAIN:
        return ColorSystem.STANDARD
    return ColorSystem.EIGHT_BIT if theme.endswith(OF_256) else ColorSystem.TRUECOLOR


def _nearest(theme: str) -> str:
    """The theme of dltui's own that is most like this one: its ramps and its colors for the color-blind hold there."""
    if theme.endswith(OF_256):
        return LIGHT_256 if theme in LIGHT_THEMES else DARK_256
    return LIGHT if theme in LIGHT_THEMES else DARK


class Palette:
    """Converts style words to styles of a theme. `heat:0.4` and `miss:0.4` are backgrounds of a matrix cell,
    `pixel:ff8800:000000` the upper and the lower pixel of a half block, `image:17:0` a row of an image.
    """

    def __init__(self, theme: str, color_blind: bool = False) -> None:
        self.theme = theme
        known = THEME_COLORS.get(theme)
        self._picked = theme.endswith(OF_256)
        self._nearest = _nearest(theme)
        self._colors = known if known is None or not color_blind else known | COLOR_BLIND[self._nearest]
        self._known: dict[str, Style] = {}

    def style(self, words: str) -> Style:
        style = self._known.get(words)
        if style is None:
            if len(self._known) >= MOST_KNOWN:
                # Pictures in color would fill the memory.
                self._known.clear()
            style = Style.combine([Style.null(), *map(self._word, words.split())])
            style = self._known[words] = style + self._lifted(words.split(), style)
        return style

    def ground(self, words: str) -> object:
        """A value that is equal for styles in which blanks look the same."""
        style = self.style(words)
        shown = style.underline or style.reverse or style.strike
        return style if shown else style.bgcolor

    def _lifted(self, words: list[str], style: Style) -> Style:
        """A color of text that can be read on the ground of a chosen row, where that of the style cannot."""
        colors, ground, color = self._colors, style.bgcolor, style.color
        foregrounds = [word for word in words if colors and word in colors and word not in BACKGROUNDS]
        if colors is None or not foregrounds or foregrounds[-1] in DRAWN or ground is None or color is None:
            return Style.null()
        text = _rgb(colors["foreground"])
        return Style.from_color(
            Color.from_triplet(readable(color.get_truecolor(), text, ground.get_truecolor(), self._picked))
        )

    def _word(self, word: str) -> Style:
        if word in ATTRIBUTES:
            return ATTRIBUTES[word]
        if word.startswith("pixel:"):
            upper, lower = (self._pixel(color) for color in word.split(":")[1:])
            return Style.from_color(upper, lower)
        if word.startswith("image:"):
            return Style(color=Color.from_triplet(_rgb(f"#{int(word.split(':')[1]):06x}")))
        if ":" in word:
            return self._heat(*word.split(":"))
        colors = self._colors
        if colors is None:
            return self._named(word)
        if word in BACKGROUNDS:
            return Style(bgcolor=colors[word])
        return Style(color=colors[word]) if word in colors else Style.null()

    def _named(self, word: str) -> Style:
        if word in ("selected", "unfocused"):
            return Style(reverse=word == "selected", bold=True)
        if word in ("dim", "faint", "rule", "empty", "train-faint"):
            return Style(dim=True, color=NAMED.get(word))
        return Style(color=NAMED[word]) if word in NAMED else Style.null()

    def _heat(self, kind: str, amount: str) -> Style:
        """A background between the screen's color and the full color, with a readable foreground."""
        colors = self._colors
        share = min(max(float(amount), 0.0), 1.0)
        if colors is None:
            named = "blue" if kind == "heat" else "red"
            return Style(reverse=share >= 0.3, color=named if share >= 0.03 else None, dim=share < 0.03)
        if share < 0.005:
            return Style(color=colors["faint"], bgcolor=colors["background"])
        ground = self._ramp(kind, share) if self._picked else _mixed(colors, kind, share)
        return Style(color="#0d1016" if light(ground) > 128 else "#f4f6fa", bgcolor=Color.from_triplet(ground))

    def _ramp(self, kind: str, share: float) -> ColorTriplet:
        steps = RAMPS[self._nearest, kind]
        return shade(steps[min(int(share**0.6 * len(steps)), len(steps) - 1)])

    def _pixel(self, color: str) -> Color:
        pixel = _rgb(f"#{color}")
        return Color.from_triplet(shade(nearest(pixel)) if self._picked else pixel)


def _mixed(colors: dict[str, str], kind: str, share: float) -> ColorTriplet:
    """A color between that of the screen and the full color."""
    full = _rgb(colors["train" if kind == "heat" else "validation"])
    return blend_rgb(_rgb(colors["background"]), full, share**0.6 * (0.95 if kind == "heat" else 0.85))


def _rgb(text: str) -> ColorTriplet:
    return ColorTriplet(int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))
