"""The user's settings for the appearance and behavior of the screen: the table [screen] of the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.settings import change_tables, load_settings
from dltui.core.text import clean_line
from dltui.tui.terminal.named_themes import NAMED_THEMES

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

TABLE = "screen"
CHOICES: Mapping[str, tuple[str, ...]] = {
    "theme": ("auto", "dark", "light", "16", *NAMED_THEMES),
    "palette": ("default", "color-blind"),
    "letters": ("auto", "unicode", "ascii"),
    "tick": ("4", "2", "1"),
    "notices": ("end", "best", "off"),
    "warm": ("on", "off"),
    "mouse": ("auto", "on", "off"),
    "images": ("auto", "on", "sixel", "off"),
}
"""The values of each setting; the first is the default."""
FORMERLY = {"colour-blind": "color-blind"}
"""Old words in settings files."""


class ScreenSettings(NamedTuple):
    """The settings, a word of `CHOICES` each. "auto" leaves the choice to the detected terminal."""

    theme: str = "auto"
    palette: str = "default"
    letters: str = "auto"
    tick: str = "4"
    """The number of times per second that the screen reads a run."""
    notices: str = "end"
    """The occasions for a notification: "end" of a run, also each new "best", or "off"."""
    warm: str = "on"
    """The word "on" if a framework is imported while the form of a new run is open."""
    mouse: str = "auto"
    """The word "auto" for clicks that are answered, but not over SSH."""
    images: str = "auto"
    """The word "auto" for images of the terminal's own where it says that it shows them, "on" for those of kitty."""


def load_screen() -> ScreenSettings:
    """The settings. Raises UsageError that names the file, the key and the allowed values."""
    found = load_settings().tables.get(TABLE, {})
    if not isinstance(found, dict):
        raise UsageError(f'{paths.config_file()}: screen must be a table like [screen] theme = "dark"')
    return ScreenSettings(**{name: _checked(name, found[name]) for name in CHOICES if name in found})


def save_screen(settings: ScreenSettings, known: ScreenSettings | None = None) -> None:
    """Write the values that differ from the `known` ones, which the file had: it may have others since. Without those
    write all. A default is left out; the rest of the file stays, including comments. Raises UsageError.
    """
    load_settings()
    defaults = ScreenSettings()._asdict()
    changed = {
        name: value for name, value in settings._asdict().items() if known is None or value != getattr(known, name)
    }

    def change(document: TOMLDocument) -> None:
        table = document.setdefault(TABLE, {})
        for name, value in changed.items():
            if value != defaults[name]:
                table[name] = value
            else:
                table.pop(name, None)

    try:
        change_tables(paths.config_file(), change)
    except UsageError as error:
        raise UsageError(f"{error}; the setting holds until you leave") from error


def _checked(name: str, value: object) -> str:
    word = FORMERLY.get(str(value), str(value))
    if word not in CHOICES[name]:
        allowed = ", ".join(CHOICES[name])
        raise UsageError(
            f"{paths.config_file()}: [screen] {name} must be one of {allowed}, got {clean_line(word, 40)!r}"
        )
    return word
