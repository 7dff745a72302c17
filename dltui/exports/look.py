"""The wishes of a user about figures: title, width, resolution, text. Apart from drawing, which imports matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

WIDTH = 7.2
"""Inches: two columns of a journal."""


@dataclass(frozen=True)
class Look:
    """The wishes: with a title or without, the width in inches, pixels an inch, and text as paths or as text that can
    be selected and set in another font.
    """

    title: bool = True
    width: float = WIDTH
    dpi: float = 200.0
    live_text: bool = False


USUAL = Look()
_look: ContextVar[Look] = ContextVar("look", default=USUAL)


@contextmanager
def looking(wanted: Look) -> Iterator[None]:
    """Draw figures with these wishes inside this context."""
    before = _look.set(wanted)
    try:
        yield
    finally:
        _look.reset(before)


def look() -> Look:
    """The wishes that hold now."""
    return _look.get()
