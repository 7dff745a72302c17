"""Textual's `App`, imported without the command palette: dltui has a page of its own for that, and the palette with the
widgets that it consists of takes a tenth of the time to the first frame.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

PALETTE = "textual.command"


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """Have a module that is not imported yet stand for empty classes; later imports get the real one."""
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    stand_in.__getattr__ = lambda name: type(name, (), {})  # type: ignore[method-assign]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]


with _left_out(PALETTE):
    from textual.app import App

__all__ = ["App"]
