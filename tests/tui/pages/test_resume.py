"""The page that asks before a run is resumed, where there is no plan to show."""

from __future__ import annotations

import pytest

from dltui.core.errors import UsageError
from dltui.core.rundir.directory import RunDirectory
from tests.tui.scenario import FakeServices, lines, shown, text, until


async def test_a_run_that_cannot_be_resumed_goes_on_saying_why(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: RunDirectory) -> None:
        raise UsageError(f"{run.id} has no checkpoint that can be read; start it anew: dltui train --like {run.id}")

    monkeypatch.setattr(services.starting, "resumption", refuse)
    async with shown(services, run="cold-yak") as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: "has no checkpoint that can be read" in text(app))
        services.now += 600
        await pilot.press("enter", "m")
        app.screen.tick()  # type: ignore[attr-defined]
        await pilot.pause()
        said = " ".join(text(app).split())
        assert "start it anew: dltui train --like cold-yak" in said
        assert "looking at its checkpoints" not in said
        assert not app.screen.notice.asking, "no number of epochs is asked for"  # type: ignore[attr-defined]
        assert lines(app)[-1].split() == ["Esc", "back", "?", "all", "keys"]
    assert services.resumed == []
