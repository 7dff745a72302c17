"""The pages that are mostly color, as a terminal with 256 of them shows them: what people have over SSH."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK_256, LIGHT_256
from tests.tui.scenario import FakeServices, drawn, looked_inside, shown
from tests.tui.test_screens import SvgExtension

THEMES = {"dark": DARK_256, "light": LIGHT_256}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tab", ["2-confusion", "3-mistakes"])
async def test_256_colors(
    services: FakeServices, snapshot: SnapshotAssertion, tab: str, theme: str, size: tuple[int, int]
) -> None:
    async with shown(services, size, Terminal(theme=THEMES[theme]), run="bold-wren") as (app, pilot):
        await pilot.press(tab[0])
        page: Any = app.screen
        await drawn(pilot, lambda: looked_inside(page))
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)
