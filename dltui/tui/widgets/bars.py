"""Progress bars."""

from __future__ import annotations

from dltui.tui.ink import Row


def bar(fraction: float, size: int, style: str = "accent") -> Row:
    """A bar of exactly `size` cells, in half cells; the screen turns it into # and - where it has to."""
    halves = int(min(max(fraction, 0.0), 1.0) * size * 2 + 1e-9)
    full, half = divmod(halves, 2)
    return [("━" * full + "╸" * half, style), ("─" * (size - full - half), "empty")]
