"""The form has a worker warmed up for what is chosen, and lets it go with the form; a start outlives the form."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.tui.new_run import outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.terminal.settings import ScreenSettings
from tests.tui.scenario import FakeServices, shown, text, until


def page_name(app: Any) -> str:
    name: str = app.screen.name_of_page
    return name


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


async def test_a_start_goes_on_where_the_form_is_left(services: FakeServices) -> None:
    services.progress = ["reading 1,240 images 37 %"]
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "37 % ...; stay until it begins" in text(app))
        await pilot.press("escape")
        assert "Esc leaves the form" in text(app)
        await pilot.press("j", "escape", "escape")
        assert page_name(app) == "Runs"
        assert app.last_lines() == [
            "cnn-torch on fashion-mnist had not begun: start it again unless dltui runs lists it"
        ]
        services.go_on.set()
        await until(pilot, lambda: "new-run has begun" in text(app))
        assert page_name(app) == "Runs"
        assert app.last_lines() == []
    assert len(services.started) == 1


async def test_a_start_that_fails_is_said_where_the_form_is_left(services: FakeServices) -> None:
    services.progress = ["reading 1,240 images 37 %"]
    services.refuses = "/data/pets holds no images"
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "37 %" in text(app))
        await pilot.press("escape", "escape")
        services.go_on.set()
        await until(pilot, lambda: "cnn-torch on fashion-mnist was not started: /data/pets holds no" in text(app))
        assert app.last_lines() == []


async def test_keys_after_enter_change_nothing(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is made in a thread, which may come late."""
    request = outcome.request

    def late(form: RunForm, queued: bool = False) -> Any:
        services.go_on.wait(10)
        return request(form, queued)

    monkeypatch.setattr(outcome, "request", late)
    async with shown(services, new=True) as (_app, pilot):
        await pilot.press("enter", "up", "tab", "tab", "tab", "down", *"0.5", "enter")
        services.go_on.set()
        await until(pilot, lambda: bool(services.started))
    assert (services.started[0].model, services.started[0].config) == ("cnn-torch", {})


async def test_while_one_starts_nothing_else_is_begun(services: FakeServices) -> None:
    services.progress = ["reading 1,240 images 37 %"]
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter", "enter", "f", "l", "b", "t")
        assert "it is being started" in text(app)
        assert services.tried == services.asked == []
        services.go_on.set()
        await until(pilot, lambda: page_name(app) == "Run")
    assert (len(services.started), services.queued) == (1, [])


async def test_what_was_tried_is_the_form_as_it_was(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.starting, "try_out", lambda command: services.go_on.wait(10))
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("t", "up")
        services.go_on.set()
        await until(pilot, lambda: "it works as the form was" in text(app))
        assert "Enter starts the run" not in text(app)
