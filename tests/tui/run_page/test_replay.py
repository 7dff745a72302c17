"""A whole run is played from its start: Space holds it, matrix and mistakes follow."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Trained
from dltui.core.rundir.log import EventLog
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import NOW, FakeServices, drawn, lines, looked_inside, shown, text, until


async def opened(app: Any, pilot: Any, tab: str) -> Any:
    await pilot.press(tab)
    await until(pilot, lambda: looked_inside(app.screen) and app.screen.view.past is not None)
    return app.screen


async def later(app: Any, pilot: Any, services: FakeServices, seconds: float) -> None:
    services.now += seconds
    app.screen.tick()
    await drawn(pilot, lambda: True)


async def test_matrix_and_mistakes_follow_and_space_holds(services: FakeServices) -> None:
    make_sample_run(services.root, run_id="seen", seen=True)
    async with shown(services, run="seen") as (app, pilot):
        page = await opened(app, pilot, "2")
        await pilot.press("P")
        assert "after the first epoch: which classes it confuses" in text(app)
        await later(app, pilot, services, 6.0)
        first, epoch = page.tabs.confusion.matrix.right, page.tabs.confusion.matrix.epoch
        assert f"confusion  validation, epoch {epoch}" in text(app)
        assert 1 < epoch < 5
        await pilot.press("space")
        await later(app, pilot, services, 6.0)
        assert "Space go on" in lines(app)[1]
        assert page.tabs.confusion.matrix.right == first
        await pilot.press("space")
        await later(app, pilot, services, 10.0)
        assert epoch < page.tabs.confusion.matrix.epoch < 10
        assert page.tabs.confusion.matrix.right > first
        await opened(app, pilot, "3")
        assert f"mistakes  validation, epoch {page.tabs.confusion.matrix.epoch}" in text(app)
        assert page.tabs.mistakes.keys[0] == ("Space", "hold, go on")
        await pilot.press("space")
        assert page.run.replay.speed == 0
        assert not page.tabs.mistakes.marks.unsaved
        await pilot.press("end")
        await drawn(pilot, lambda: page.run.replay is None)
        assert "mistakes  test, epoch 8" in text(app)


@pytest.mark.long
async def test_of_older_runs_the_tabs_say_that_they_show_the_present(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await opened(app, pilot, "2")
        await pilot.press("P")
        await drawn(pilot, lambda: True)
        assert "this tab shows the run as it is now" in text(app)
        assert "confusion  test, epoch 8" in text(app)


async def test_a_page_can_begin_with_it(services: FakeServices) -> None:
    from dltui.tui.app import make_app

    app = make_app(services, None, RunDirectory(services.root / "bold-wren"), replay=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: getattr(app.screen, "view", None) is not None)
        assert app.screen.run.replay is not None  # type: ignore[attr-defined]
        assert "REPLAY" in lines(app)[0]
        assert "End as it is" in lines(app)[1]


async def test_it_plays_on_although_the_clock_was_set_back(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page: Any = app.screen
        await pilot.press("P")
        monkeypatch.setattr(services.clock, "now", lambda: NOW - 3600)
        await later(app, pilot, services, 6.0)
        assert page.run.replay.seconds > 0


async def test_the_next_speed_comes_after_a_hold_of_a_live_run(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        page: Any = app.screen
        await pilot.press("P", "space")
        seen = page.view
        log = EventLog(RunDirectory(services.root / "brisk-otter").events_path, 1)
        log.append(Trained(7, [261], [0.3], [0.3], [0.3], {"accuracy": [0.9]}, [0.05], 0.1, 15_100.0))
        log.close()
        await until(pilot, lambda: page.view is not seen)
        await pilot.press("space", "P")
        assert "REPLAY 1x" in lines(app)[0]
