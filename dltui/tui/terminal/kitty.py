"""Images in the graphics protocol of kitty, by cells that stand for parts of an image: to everything between us and the
terminal they are letters like any other, so that rows are drawn, cut and covered as ever.

Source: sw.kovidgoyal.net/kitty/graphics-protocol, "Unicode placeholders"; kitty and Ghostty show them.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache

CELL = "\U0010eeee"
_FUSED = frozenset(
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u030f\u0311\u0313\u0314\u0342\u0653\u0654"
)
"""Marks that a normalization joins with the letter in front of them."""
_CHUNK = 4096
"""The most bytes of base64 that one command may have."""
MOST_CELLS = 129
"""The most rows and columns of an image: those that the marks below number in every version of Unicode."""


def known(environment: Mapping[str, str]) -> bool:
    """True if the terminal says by its variables that it shows images in this way. Nobody asks the terminal, whose
    answer may come too late.
    """
    return environment.get("TERM") in ("xterm-kitty", "xterm-ghostty")


def transmission(number: int, png: bytes, columns: int, rows: int) -> str:
    """Gives the terminal an image, 0 < `number` < 2**24, to be shown in a box of cells. It answers nothing (q=2)."""
    text = base64.b64encode(png).decode()
    pieces = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
    last = len(pieces) - 1
    sent = [
        f"\x1b_G{f'a=t,f=100,i={number},q=2,' * (not at)}m={int(at < last)};{piece}\x1b\\"
        for at, piece in enumerate(pieces)
    ]
    return "".join(sent) + f"\x1b_Ga=p,U=1,i={number},c={columns},r={rows},q=2\x1b\\"


def removal(number: int) -> str:
    """Takes an image and its memory back."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def cells(row: int, columns: int) -> str:
    """The cells of one row of an image, from its first column on; their foreground color must be the image's number."""
    return "".join(CELL + _marks()[row] + _marks()[column] for column in range(columns))


@cache
def _marks() -> tuple[str, ...]:
    """The combining marks that number rows and columns from 0."""
    return tuple(_all_marks())[:MOST_CELLS]


def _all_marks() -> Iterator[str]:
    """Marks above a letter, which are neither made of others nor joined with a letter."""
    for mark in map(chr, range(0x300, 0x830)):
        above = unicodedata.combining(mark) == 230 and unicodedata.category(mark) == "Mn"
        if above and not unicodedata.decomposition(mark) and mark not in _FUSED:
            yield mark
