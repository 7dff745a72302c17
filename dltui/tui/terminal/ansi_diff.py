"""Reduces the bytes sent to the terminal for the same picture: a color is sent only when it changes."""

from __future__ import annotations

import re
from typing import NamedTuple

# What changes how text looks, other escape sequences, and text.
_PARTS = re.compile(
    r"\x1b\[([0-9;]*)m|(\x1b(?:\[[0-?]*[ -/]*[@-~]|[PX^_\]][^\x1b\x07]*(?:\x1b\\|\x07)?|[^\[PX^_\]])?)|([^\x1b]+)"
)
# Attributes 1 to 9; what ends one of them alone is passed on as it is.
_KNOWN = frozenset("123456789")
_WEIGHT = frozenset("12")
# They show on a space.
_ON_SPACES = frozenset("4579")


class Pen(NamedTuple):
    """The terminal's pen: the parameters of foreground and background, and attributes like 1 for bold."""

    foreground: str = ""
    ground: str = ""
    more: frozenset[str] = frozenset()


PLAIN = Pen()


def pen_after(pen: Pen, parameters: str) -> Pen | None:
    """The pen after a sequence of parameters; None for a sequence that is not used here."""
    codes = parameters.split(";")
    foreground, ground, more = pen
    at = 0
    while at < len(codes):
        code = codes[at].lstrip("0") or "0"
        length = {"2": 5, "5": 3}.get(codes[at + 1], 1) if code in ("38", "48") and at + 1 < len(codes) else 1
        whole = ";".join(codes[at : at + length])
        if code == "0":
            foreground, ground, more = PLAIN
        elif code in _KNOWN:
            more |= {code}
        elif code == "38" or code == "39" or "30" <= code <= "37" or (len(code) == 2 and code[0] == "9"):
            foreground = "" if code == "39" else whole
        elif code == "48" or code == "49" or "40" <= code <= "47" or (len(code) == 3 and code[:2] == "10"):
            ground = "" if code == "49" else whole
        else:
            return None
        at += length
    return Pen(foreground, ground, more)


class AnsiDiff:
    """Follows all output to the terminal; after another program wrote to it, `forget` must be called."""

    def __init__(self) -> None:
        self._wanted: Pen | None = PLAIN
        self._has: Pen | None = None

    def forget(self) -> None:
        """Forget the state of the terminal."""
        self._has = None

    def thin(self, text: str) -> str:
        """The output with as few changes of color as possible."""
        out: list[str] = []
        for parameters, other, plain in _PARTS.findall(text):
            if plain:
                self._write(plain, out)
            elif other:
                self._escape(other, out)
            else:
                self._style(parameters, out)
        return "".join(out)

    def _style(self, parameters: str, out: list[str]) -> None:
        pen = pen_after(self._wanted or PLAIN, parameters)
        if pen is None or self._wanted is None:
            # Passed on as it is, after what came before it; the next reset makes everything known again.
            self._settle(out, blank=False)
            out.append(f"\x1b[{parameters}m")
            self._has = None
            self._wanted = PLAIN if parameters in ("", "0") else None
        else:
            self._wanted = pen

    def _escape(self, other: str, out: list[str]) -> None:
        # Going to a place depends on no color; all else gets what it would have had.
        if not other.endswith("H"):
            self._settle(out, blank=False)
            if other[1:3] == "[?":
                # Another screen, or a program that comes back: it may have been left in any color.
                self._has = None
        out.append(other)

    def _write(self, plain: str, out: list[str]) -> None:
        if plain.strip("\r\n"):
            self._settle(out, blank=not plain.strip(" "))
        out.append(plain)

    def _settle(self, out: list[str], blank: bool) -> None:
        """Set the terminal's pen to the wanted pen; for a blank only the background matters."""
        wanted, has = self._wanted, self._has
        if wanted is None or wanted == has:
            return
        if blank and has is not None and wanted.ground == has.ground:
            lines = (wanted.more | has.more) & _ON_SPACES
            if not lines:
                return
        out.append(change(has, wanted))
        self._has = wanted


def change(has: Pen | None, wanted: Pen) -> str:
    """The shortest sequence from one pen to another."""
    full = ";".join(("0", *sorted(wanted.more), *filter(None, (wanted.foreground, wanted.ground))))
    gone = has.more - wanted.more if has is not None else frozenset("0")
    if has is None or gone - _WEIGHT:
        return f"\x1b[{full}m"
    # 22 ends bold and dim alike.
    parts = ["22", *sorted(wanted.more)] if gone else sorted(wanted.more - has.more)
    if wanted.foreground != has.foreground:
        parts.append(wanted.foreground or "39")
    if wanted.ground != has.ground:
        parts.append(wanted.ground or "49")
    short = ";".join(parts)
    return f"\x1b[{short if len(short) <= len(full) else full}m"
