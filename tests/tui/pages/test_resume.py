"""The page that asks before a run is resumed, where there is no plan to show."""

from __future__ import annotations

import threading

import pytest

from dltui.core.errors import UsageError
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.pages.resume import _problem
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


@pytest.mark.parametrize("over", ["question_mark", "S"])
async def test_it_closes_itself_and_not_what_was_opened_over_it(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    started = threading.Event()
    monkeypatch.setattr(services.starting, "resume", lambda run, more: started.wait(10))
    async with shown(services, run="cold-yak") as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: "go on with cold-yak?" in text(app))
        await pilot.press("enter", over)
        opened = app.screen
        assert app.screen.name_of_page != "Resume"  # type: ignore[attr-defined]
        started.set()
        await until(pilot, lambda: bool(app.screen_stack[-2]._told))  # type: ignore[attr-defined]
        assert app.screen is opened
        await pilot.press("escape")
        await until(pilot, lambda: "cold-yak goes on: its worker starts" in text(app))
        assert app.screen.name_of_page == "Run"  # type: ignore[attr-defined]


def test_no_number_of_epochs_is_too_long_to_be_refused() -> None:
    assert _problem("12") == ""
    assert _problem("9" * 5_000) == _problem("0") == "a whole number from 1 to 10,000"


async def test_what_becomes_of_it_is_said_where_the_page_was_left(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: RunDirectory, more_epochs: int) -> None:
        services.go_on.wait(10)
        raise UsageError("its device is taken")

    monkeypatch.setattr(services.starting, "resume", refuse)
    async with shown(services, run="cold-yak") as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: "go on with cold-yak?" in text(app))
        await pilot.press("enter", "escape")
        services.go_on.set()
        await until(pilot, lambda: "cold-yak was not started: its device is taken" in text(app))


async def test_the_shell_is_told_how_to_go_on_where_the_screen_is_left_before(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.starting, "resume", lambda run, more: services.go_on.wait(10))
    async with shown(services, run="cold-yak") as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: "go on with cold-yak?" in text(app))
        await pilot.press("m", "enter", "enter")
        assert app.last_lines() == [
            "cold-yak may not go on yet: see dltui runs, or dltui resume cold-yak --more-epochs 5"
        ]
        services.go_on.set()
        await until(pilot, lambda: app.last_lines() == [])
