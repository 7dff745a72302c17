"""Lines that a process printed, with their indentation: wrapped, and the paths of a traceback cut at the left."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dltui.core.text import clean, without_sgr
from dltui.tui.draw.styled_text import Row, cut_left, width

LONGEST = 2_000
"""Letters of one line; more of it is not looked at."""
TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'(\s*File ")(.+)(", line \d+(?:, in .+)?)$')
_RULER = re.compile(r"\s*[\^~]+\s*$")


def pieces(text: str, room: int, indent: int = 0) -> list[str]:
    """A line over as many rows as it takes, broken between words where there are any; the rows after the first are
    `indent` cells further in."""
    room = max(room, 8)
    found: list[str] = []
    rest = text
    while width(rest) > room:
        end = _fitting(rest, room)
        space = rest.rfind(" ", len(rest) - len(rest.lstrip()), end + 1)
        # A long word, such as a path, is not worth an almost empty row.
        end = space if space > end // 2 else end
        found.append(rest[:end].rstrip())
        rest = " " * indent + rest[end:].lstrip()
    return [*found, rest]


def told(text: str, style: str, room: int) -> list[Row]:
    """A sentence over as many rows of `room` cells as it takes, with a blank at both ends."""
    return [[(f" {line}", style)] for line in pieces(text, room - 2)]


def _fitting(text: str, room: int) -> int:
    """The number of letters that fit."""
    if text.isascii():
        return room
    end = 0
    while end < len(text) and width(text[: end + 1]) <= room:
        end += 1
    return max(end, 1)


def printed(lines: Sequence[str], room: int) -> list[str]:
    """Rows of at most `room` cells, harmless on a terminal and without the colors that a library printed. The rulers
    below a line are left out where it is wrapped: they would point at nothing."""
    rows: list[str] = []
    whole = True
    for line in lines:
        text = clean(without_sgr(line), LONGEST).rstrip()
        if _RULER.match(text) and not whole:
            continue
        indent = len(text) - len(text.lstrip())
        frame = _FRAME.match(text) if width(text) > room else None
        if frame is not None:
            before, path, after = frame.groups()
            text = before + _cut_path(path, room - width(before + after)) + after
        found = pieces(text, room, min(indent + 2, room // 2))
        whole = len(found) == 1
        rows += found
    return rows


def _cut_path(path: str, room: int) -> str:
    """The end of a path that is too long, from the name of a folder on."""
    short = cut_left(path, max(room, 12))
    return f"…{short[short.index('/') :]}" if "/" in short and short != path else short


def traceback_of(lines: Sequence[str]) -> list[str]:
    """The lines from the last traceback on; [] without one."""
    starts = [number for number, line in enumerate(lines) if line.strip() == TRACEBACK]
    return list(lines[starts[-1] :]) if starts else []
