"""Detects the terminal's capabilities, and guards its file descriptors while the screen is shown."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, NamedTuple

from dltui.tui.terminal import kitty, sixel
from dltui.tui.terminal.named_themes import NAMED_THEMES
from dltui.tui.terminal.theme_colors import DARK, DARK_256, LIGHT, LIGHT_256, OF_256, PLAIN

if TYPE_CHECKING:
    from dltui.tui.terminal.meter import Meter
    from dltui.tui.terminal.settings import ScreenSettings


SCREEN_LOG = "screen.log"


POOR_TERMINALS = ("linux", "vt")
"""Their fonts lack braille; they have no second screen, and print parts of sequences that they do not know."""


KITTY, SIXEL = "kitty", "sixel"


class Terminal(NamedTuple):
    """The capabilities in use: `ascii` letters only, `color` at all, `theme` by name, `images` of its own: as
    "kitty" or "sixel" describes them, "" for none.
    """

    ascii: bool = False
    color: bool = True
    theme: str = DARK
    images: str = ""


def examine(environment: Mapping[str, str]) -> Terminal:
    """Read the usual environment variables; the terminal is not asked, because a slow link would answer too late."""
    color = not environment.get("NO_COLOR")
    return Terminal(
        ascii=_is_ascii(environment),
        color=color,
        theme=_theme(environment) if color else PLAIN,
        images=_images(environment),
    )


def forget_misleading(environment: MutableMapping[str, str]) -> None:
    """Remove variables that Textual would take for more than they say."""
    for stale in ("COLUMNS", "LINES"):
        # Exported by a shell they would stay as they are when the terminal changes; only the terminal itself knows.
        environment.pop(stale, None)
    if not environment.get("NO_COLOR"):
        # Empty it says nothing, but Textual only looks whether it is there.
        environment.pop("NO_COLOR", None)


def within_multiplexer(environment: Mapping[str, str]) -> bool:
    """True inside tmux and GNU screen, which let no images and no progress pass to the terminal around them."""
    term = environment.get("TERM", "")
    return bool(environment.get("TMUX") or environment.get("STY")) or term.startswith(("screen", "tmux"))


def is_poor(environment: Mapping[str, str]) -> bool:
    """True for the console of Linux and for terminals of its kind."""
    return environment.get("TERM", "").startswith(POOR_TERMINALS)


def chosen(terminal: Terminal, settings: ScreenSettings) -> Terminal:
    """The terminal with the user's settings applied where they are more specific than the terminal."""
    # A terminal that says nothing of more than 16 colors has 256, if it is to look dark or light.
    picked = terminal.theme not in (DARK, LIGHT)
    dark, light = (DARK_256, LIGHT_256) if picked else (DARK, LIGHT)
    known = {"dark": dark, "light": light, "16": PLAIN} | {name: name + OF_256 * picked for name in NAMED_THEMES}
    theme = known.get(settings.theme, terminal.theme)
    return Terminal(
        ascii=terminal.ascii if settings.letters == "auto" else settings.letters == "ascii",
        color=terminal.color,
        # NO_COLOR is said for one terminal and goes before what holds for all.
        theme=theme if terminal.color else PLAIN,
        images={"on": terminal.images or KITTY, "sixel": SIXEL, "off": ""}.get(settings.images, terminal.images),
    )


def _images(environment: Mapping[str, str]) -> str:
    if within_multiplexer(environment):
        return ""
    return KITTY if kitty.known(environment) else SIXEL if sixel.known(environment) else ""


def _is_ascii(environment: Mapping[str, str]) -> bool:
    """True if the locale is not UTF-8. Without a locale, as in many containers, the terminal is taken for UTF-8."""
    if is_poor(environment):
        return True
    names = ["LC_ALL", "LC_CTYPE", "LANG"]
    # Python itself sets this one over a C locale, so it says nothing about the terminal.
    if environment.get("LC_CTYPE") == "C.UTF-8":
        names.remove("LC_CTYPE")
    locale = next((environment[name] for name in names if environment.get(name)), "UTF-8")
    return "utf" not in locale.lower()


def _theme(environment: Mapping[str, str]) -> str:
    term = environment.get("TERM", "")
    # Inside of GNU screen this is inherited from the terminal around it; screen itself takes such colors apart.
    inherited = bool(environment.get("STY")) and term.startswith("screen")
    rich = not inherited and environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    rich = rich or term.endswith(("-direct", "kitty", "ghostty", "alacritty"))
    if not rich and "256" not in term:
        return PLAIN
    light = environment.get("COLORFGBG", "").split(";")[-1] in ("7", "15")
    if rich:
        return LIGHT if light else DARK
    return LIGHT_256 if light else DARK_256


@contextlib.contextmanager
def quiet_stderr() -> Iterator[Meter | None]:
    """Redirect file descriptor 2 to a log file while the screen is shown, because libraries print to it.

    Textual draws through `sys.__stderr__`, which gets a descriptor of its own to the terminal, with a meter before it;
    None where there is no terminal.
    """
    from dltui.tui.terminal.meter import Meter

    terminal = sys.__stderr__
    if terminal is None or not terminal.isatty():
        yield None
        return
    screen = os.dup(2)
    log = _open_log()
    drawing = os.fdopen(os.dup(screen), "w", encoding="utf-8", errors="replace", newline="")
    before = sys.stderr
    meter = Meter(drawing)
    sys.__stderr__ = meter  # type: ignore
    os.dup2(log, 2)
    os.close(log)
    try:
        yield meter
    finally:
        with contextlib.suppress(OSError):
            drawing.close()
        os.dup2(screen, 2)
        os.close(screen)
        sys.__stderr__ = terminal  # type: ignore[misc]
        sys.stderr = before


def _open_log() -> int:
    """Open the log beside the runs; without write access there is no log."""
    from dltui.core import paths

    with contextlib.suppress(OSError):
        folder = paths.home()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder / SCREEN_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
