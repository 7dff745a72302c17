"""What the output is connected to, and the only two functions that write plain lines to it."""

from __future__ import annotations

import os
import sys


def is_terminal() -> bool:
    """Whether a person sits at a terminal that understands control codes."""
    return terminal_output() and sys.stdin is not None and sys.stdin.isatty()


def terminal_output() -> bool:
    """Whether standard output is such a terminal; TERM=dumb and CI want plain lines."""
    if os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI", "") not in ("", "0", "false"):
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def can_show(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def prepare_streams() -> None:
    """A character that the locale lacks becomes an escape instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """One line on standard output, without any control code of somebody else's."""
    sys.stdout.write(visible(text) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """One line on standard error."""
    sys.stdout.flush()
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def say_json(value: object) -> None:
    """One JSON document on standard output; ASCII, so that no string in it can be a control code."""
    import json

    sys.stdout.write(json.dumps(value, allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


def visible(text: str) -> str:
    """The text as one line with control characters made visible; the spaces of a table stay."""
    if text.isascii() and text.isprintable():
        return text
    from dltui.core.text import clean

    return clean(" ".join(text.splitlines()))
