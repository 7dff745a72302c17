"""The list of all keys: the chosen action is always visible."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.scenario import FakeServices, lines, resized, shown


@pytest.mark.parametrize("size", [(80, 24), (40, 10)])
async def test_the_chosen_action_is_visible_down_to_the_last(services: FakeServices, size: tuple[int, int]) -> None:
    async with shown(services, size) as (app, pilot):
        await pilot.press("question_mark")
        page: Any = app.screen
        for number, action in enumerate(page.found()):
            assert page.chosen == number
            (chosen,) = (line for line in lines(app) if line.startswith(" › "))
            assert action.label[:6] in chosen
            await pilot.press("down")
        await resized(pilot, (80, 40))
        assert len([line for line in lines(app) if line.startswith(" › ")]) == 1
