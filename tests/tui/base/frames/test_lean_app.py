"""The rules of all pages are read once at the start, and again in the colors of another theme."""

from __future__ import annotations

import pytest
from textual.css.stylesheet import Stylesheet

from dltui.tui.terminal.theme_colors import LIGHT, THEME_COLORS
from tests.tui.scenario import FakeServices, shown, until


async def test_rules_are_read_again_for_another_theme_only(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[Stylesheet] = []
    reparse = Stylesheet.reparse
    monkeypatch.setattr(Stylesheet, "reparse", lambda sheet: again.append(sheet) or reparse(sheet))
    async with shown(services) as (app, pilot):
        await pilot.press("n")
        await pilot.pause()
        assert again == []
        await pilot.press("escape", "ctrl+t")
        await until(pilot, lambda: bool(again))
        assert app.theme == LIGHT
        assert app.screen.styles.background.hex.lower() == THEME_COLORS[LIGHT]["background"].lower()
