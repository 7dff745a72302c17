"""Images in the sixel format of DEC, which terminals paint over the cells at the cursor. A letter that is written later
takes its cell back, so that an image ends where its page does.

Source: vt100.net/docs/vt3xx-gp, chapter 14. Only terminals whose cells hold their part of an image are taken: foot,
mlterm, WezTerm and iTerm2. Those that paint on the window lose it when they draw the window again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

BAND = 6
"""The rows of pixels that one letter of the format holds."""
NOTHING = 255
"""The color of a pixel that is left as it is."""
MOST_COLORS = 64
"""Of an image: more are hardly seen, and cost bytes."""
_RUN = re.compile(rb"([?-~])\1{3,}")
_PROGRAMS = {"WezTerm": (0, 0), "iTerm.app": (3, 5)}
"""Values of TERM_PROGRAM, and the first version that is taken."""


class Window(NamedTuple):
    """The terminal's window in cells, and the pixels of a cell."""

    rows: int
    columns: int
    high: int
    wide: int


USUAL = Window(24, 80, 20, 10)
"""For a terminal that does not tell."""


def known(environment: Mapping[str, str]) -> bool:
    """True if the terminal says by its variables that it is one that shows sixel images. Nobody asks the terminal,
    whose answer may come too late.
    """
    term = environment.get("TERM", "")
    if term in ("foot", "foot-direct", "foot-extra", "mlterm", "mlterm-256color", "wezterm"):
        return True
    # A terminal that was started from another one inherits its variables, but has a TERM of its own.
    least = _PROGRAMS.get(environment.get("TERM_PROGRAM", "")) if term == "xterm-256color" else None
    return least is not None and _version(environment.get("TERM_PROGRAM_VERSION", "")) >= least


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def window() -> Window | None:
    """The window as the terminal's line knows it; None where that does not know its pixels."""
    import fcntl
    import struct
    import termios

    for stream in (sys.__stdin__, sys.__stdout__):
        try:
            found = fcntl.ioctl(stream.fileno() if stream else -1, termios.TIOCGWINSZ, bytes(8))
        except (OSError, ValueError):
            continue
        rows, columns, across, down = struct.unpack("HHHH", found)
        if rows and columns and down >= rows and across >= columns:
            return Window(rows, columns, down // rows, across // columns)
    return None


def sequence(pixels: Any, colors: Any) -> str:
    """The sequence that paints an image at the cursor: `pixels` uint8 (h, w) number the `colors` uint8 (n, 3), or are
    NOTHING.
    """
    high, wide = pixels.shape
    named = "".join(f"#{color};2;{';'.join(_percent(colors[color]))}" for color in _colors_of(pixels))
    bands = [_band(pixels[top : top + BAND]) for top in range(0, high, BAND)]
    # What is not painted stays as it is (1), one pixel is as high as it is wide ("1;1).
    return f'\x1bP0;1q"1;1;{wide};{high}{named}{"-".join(bands)}\x1b\\'


def _band(pixels: Any) -> str:
    """Six rows of pixels or fewer: for each color the columns in which it stands, painted one over the other."""
    import numpy as np

    colors = _colors_of(pixels)
    here = pixels[None] == np.array(colors, np.uint8)[:, None, None]
    letters = 63 + np.packbits(here, axis=1, bitorder="little")[:, 0]
    lines = [_RUN.sub(_shorter, line.tobytes().rstrip(b"?")).decode() for line in letters]
    return "$".join(f"#{color}{line}" for color, line in zip(colors, lines, strict=True))


def _colors_of(pixels: Any) -> list[int]:
    import numpy as np

    found: list[int] = np.unique(pixels[pixels != NOTHING]).tolist()
    return found


def _percent(color: Any) -> list[str]:
    return [str(round(part / 2.55)) for part in color.tolist()]


def _shorter(run: re.Match[bytes]) -> bytes:
    return b"!%d%s" % (len(run[0]), run[1])
