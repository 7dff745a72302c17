"""Examines the standard streams, and holds the only functions that write plain lines to them."""

from __future__ import annotations

import os
import sys
from typing import Any


def is_terminal() -> bool:
    """True if standard input and output are a terminal that understands control codes."""
    return terminal_output() and sys.stdin is not None and sys.stdin.isatty()


def terminal_output() -> bool:
    """True if standard output is a terminal that understands control codes; TERM=dumb and CI mean plain lines."""
    if os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI", "") not in ("", "0", "false"):
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def can_show(text: str) -> bool:
    """True if standard output's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def spelled(text: str) -> str:
    """The text with characters that standard output cannot show replaced."""
    from dltui.tui.draw.styled_text import to_ascii

    return text if can_show(text) else to_ascii(text)


def prepare_streams() -> None:
    """Configure the streams so that a character that the locale lacks becomes an escape instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Write a line to standard output, without any control codes from other sources."""
    sys.stdout.write(visible(text) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Write a line to standard error."""
    sys.stdout.flush()
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def say_json(value: object) -> None:
    """Write a JSON document to standard output; ASCII, so that no string in it can be a control code."""
    import json

    sys.stdout.write(json.dumps(value, allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


def visible(text: str) -> str:
    """The text as one line with control characters made visible; the spaces of a table stay."""
    if text.isascii() and text.isprintable():
        return text
    from dltui.core.text import one_line

    return one_line(text)


def show_on_terminal(rows: list[Any]) -> None:
    """Print rows of styled text; without a terminal their letters alone."""
    from dltui.tui.draw.styled_text import plain

    if not terminal_output():
        for line in plain(rows):
            say(spelled(line).rstrip())
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, highlight=False, emoji=False)
    for row in rows:
        spans = [(spelled(visible(text)), INKS.get(style) or _rich(style)) for text, style in row]
        console.print(Text.assemble(*spans), no_wrap=True, overflow="crop", soft_wrap=True)


def _rich(style: str) -> str:
    """A style in Rich's words, including the two pixels of a half block."""
    kind, *colors = style.split(":")
    return f"#{colors[0]} on #{colors[1]}" if kind == "pixel" else style


INKS = {
    "run0": "blue", "run1": "yellow", "run2": "green", "run3": "magenta", "run4": "cyan", "run5": "red",
    "heading": "bold", "dim": "dim", "faint": "dim", "rule": "dim", "best": "bold",
}  # fmt: skip
