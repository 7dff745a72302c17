"""The form has a worker warmed up for what is chosen, and lets it go with the form."""

from __future__ import annotations

from dltui.tui.terminal.settings import ScreenSettings
from tests.tui.scenario import FakeServices, shown, until


async def test_for_what_is_chosen_and_again_after_a_minute(services: FakeServices) -> None:
    async with shown(services, new=True) as (_app, pilot):
        await until(pilot, lambda: services.warmed == [("torch", "auto")])
        await pilot.press("down", "up")
        assert services.warmed == [("torch", "auto")], "one is enough for a minute"
        await pilot.press("right")
        await until(pilot, lambda: services.warmed[1:] == [("tensorflow", "auto")])
        await pilot.press("tab", "down")
        await until(pilot, lambda: services.warmed[2:] == [("tensorflow", "cuda:0")])
        services.now += 51
        await pilot.press("up", "down")
        await until(pilot, lambda: len(services.warmed) > 3)
        assert not services.cooled
        await pilot.press("escape")
        await until(pilot, lambda: services.cooled == 1)


async def test_not_where_it_is_switched_off_or_nothing_may_be_started(services: FakeServices) -> None:
    services.saved = ScreenSettings(warm="off")
    async with shown(services, new=True) as (_app, pilot):
        await pilot.press("right", "left")
    services.saved, services.viewer.read_only = ScreenSettings(), True
    async with shown(services, new=True) as (_app, pilot):
        await pilot.press("right", "left")
    assert services.warmed == []
    assert not services.cooled
