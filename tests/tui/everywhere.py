"""One scene at every size and in every look: switched while the screen is up, as a person who resizes a window does."""

from __future__ import annotations

from typing import Any

from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK, LIGHT, PLAIN
from tests.tui.scenario import lines, previewed, resized, until

SIZES = ((80, 24), (120, 40), (200, 50))
LOOKS = {
    "dark": Terminal(theme=DARK),
    "light": Terminal(theme=LIGHT),
    "ascii": Terminal(ascii=True, color=False, theme=PLAIN),
    "no-color": Terminal(color=False, theme=PLAIN),
}


async def everywhere(app: Any, pilot: Any) -> str:
    """The letters of the screen at each size, dark, without color and in ASCII, under a heading each. Light has the
    letters of dark, each line is as wide as the screen, and ASCII is ASCII."""
    found = []
    for size in SIZES:
        await resized(pilot, size)
        await until(pilot, lambda: previewed(app))
        shown = {name: await letters(app, pilot, name, size) for name in LOOKS}
        assert shown["light"] == shown["dark"], size
        assert "\n".join(shown["ascii"]).isascii(), size
        for name in ("dark", "no-color", "ascii"):
            found += [f"== {size[0]}x{size[1]} {name}", *(line.rstrip() for line in shown[name])]
    return "\n".join(found)


async def letters(app: Any, pilot: Any, look: str, size: tuple[int, int]) -> list[str]:
    app._terminal = LOOKS[look]
    app.apply(app.settings)
    app.screen.redraw()
    await pilot.pause()
    found = lines(app)
    assert [len(line) for line in found] == [size[0]] * size[1], (look, size)
    return found
