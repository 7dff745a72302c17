"""After a failure one key opens a form that is filled with what may help."""

from __future__ import annotations

from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.test_journeys import notice


async def test_one_key_tries_what_a_failure_proposes(services: FakeServices) -> None:
    async with shown(services, run="wild-moth") as (app, pilot):
        assert "t try lr 0.005" in lines(app)[-1]
        assert notice(app) == "t tries lr 0.005; or: dltui fork wild-moth --lr 0.005"
        await pilot.press("t")
        await until(pilot, lambda: ready(app) and "of wild-moth at epoch" in text(app))
        assert "$ dltui fork wild-moth --lr 0.005" in text(app)
        await pilot.press("enter")
        await until(pilot, lambda: services.forked == [("wild-moth", ["lr=0.005"])])


async def test_nothing_is_proposed_where_nothing_failed(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("t")
        assert "nothing to try" in notice(app)
        assert app.screen.name_of_page == "Run"  # type: ignore[attr-defined]
