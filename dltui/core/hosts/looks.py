"""Files by which a process asks whoever keeps a mirror to look at once: they go when that is done, or get the reason
why it cannot be done.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from dltui.core.text import clean_line

_NAME = "look"


def ask(folder: Path) -> Path:
    """Leave such a file in the folder of a mirror. Raises OSError."""
    path = folder / f"{_NAME}.{secrets.token_hex(4)}"
    path.touch()
    return path


def asked(folder: Path) -> list[Path]:
    """The files of those who wait for a look."""
    return list(folder.glob(f"{_NAME}.*"))


def answer(asks: Iterable[Path]) -> None:
    """Say that the look is done."""
    for one in asks:
        one.unlink(missing_ok=True)


def refuse(asks: Iterable[Path], reason: object) -> None:
    """Say why the look cannot be done, to those who still wait."""
    for one in asks:
        with contextlib.suppress(OSError):
            fd = os.open(one, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
            try:
                os.write(fd, clean_line(reason, 1_000).encode())
            finally:
                os.close(fd)


def reply(ask: Path) -> str | None:
    """The reason why a look cannot be done, "" when it is done; None as long as neither is known."""
    try:
        return ask.read_text(errors="replace") or None
    except FileNotFoundError:
        return ""
