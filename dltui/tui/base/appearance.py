"""The look of all pages: the terminal's capabilities combined with the settings of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw.styled_text import Look
from dltui.tui.terminal.capabilities import chosen
from dltui.tui.terminal.theme import PLAIN, Palette

if TYPE_CHECKING:
    from dltui.tui.terminal.capabilities import Terminal
    from dltui.tui.terminal.settings import ScreenSettings


class Appearance:
    """A theme, and the options of drawing."""

    def __init__(self, terminal: Terminal, settings: ScreenSettings) -> None:
        terminal = chosen(terminal, settings)
        self.theme = terminal.theme
        self.look = Look(ascii=terminal.ascii, mono=not terminal.color, few=terminal.theme == PLAIN)
        self._color_blind = settings.palette == "color-blind"

    def palette(self, theme: str) -> Palette:
        """The colors of a theme, which may differ from that of the settings."""
        return Palette(theme, self._color_blind)
