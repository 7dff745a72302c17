"""Rows that are covered cost nothing, changed cells little."""

from __future__ import annotations

import pytest
from textual.screen import Screen

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


async def test_changed_cells_are_sent_without_messages(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """They cost more than the cells."""
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.pause()
        updates: list[object] = []
        frames: list[object] = []
        monkeypatch.setattr(app, "_display", lambda screen, update: frames.append(update))
        monkeypatch.setattr(Screen, "_on_update", lambda screen, message: updates.append(message))
        services.now += 3600
        app._tick()
        await until(pilot, lambda: bool(frames))
        assert updates == []
