"""The look of all pages: the terminal's capabilities combined with the settings of the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.color import ColorSystem

from dltui.tui.draw.styled_text import Look
from dltui.tui.terminal import sixel
from dltui.tui.terminal.capabilities import SIXEL, chosen
from dltui.tui.terminal.theme import Palette, color_system
from dltui.tui.terminal.theme_colors import PLAIN

if TYPE_CHECKING:
    from dltui.tui.terminal.capabilities import Terminal
    from dltui.tui.terminal.settings import ScreenSettings


class Appearance:
    """A theme, and the options of drawing."""

    def __init__(self, terminal: Terminal, settings: ScreenSettings, number: Callable[..., int] | None = None) -> None:
        """`number` gives an image to a terminal that shows images; None for any other."""
        terminal = chosen(terminal, settings)
        self.theme = terminal.theme
        self.look = Look(ascii=terminal.ascii, mono=not terminal.color, few=terminal.theme == PLAIN)
        self.images = _images(terminal)
        if self.images:
            self.look = self.look._replace(number=number)
        self._color_blind = settings.palette == "color-blind"

    def palette(self, theme: str) -> Palette:
        """The colors of a theme, which may differ from that of the settings."""
        return Palette(theme, self._color_blind)


def _images(terminal: Terminal) -> str:
    """How the terminal is given images: "kitty", "sixel", or "" for not at all."""
    if terminal.ascii or not terminal.color:
        return ""
    if terminal.images == SIXEL:
        return SIXEL if sixel.window() else ""
    # The number of an image of kitty is a color, which fewer colors would change.
    return terminal.images if color_system(terminal.theme) == ColorSystem.TRUECOLOR else ""
