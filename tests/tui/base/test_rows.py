"""Rows that are covered cost nothing."""

from __future__ import annotations

from dltui.tui.base.rows import Rows
from tests.tui.scenario import FakeServices, shown, until


async def test_what_is_not_shown_is_not_drawn(services: FakeServices) -> None:
    """The confusion matrix takes the room of the numbers."""
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("2")
        await pilot.pause()
        numbers = app.screen.query_one("#numbers", Rows)
        sizes: list[tuple[int, int]] = []
        numbers._draw = lambda width, height: sizes.append((width, height)) or []
        app.screen.redraw()
        assert sizes == []
        await pilot.press("1")
        await until(pilot, lambda: bool(sizes))
        assert sizes[0] == (80, 7)
