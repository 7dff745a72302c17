"""The form of a new run with the keys of a person: started, queued, tried, corrected, refused."""

from __future__ import annotations

from typing import Any

from dltui.tui.base.threads import Failed
from dltui.tui.new_run import outcome
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until


def notice(app: Any) -> str:
    return lines(app)[-2].strip()


async def test_the_form_is_tried_and_nothing_is_started(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("t")
        await until(pilot, lambda: "it works: batches, evaluation and figures" in text(app))
        assert services.tried == [outcome.command(app.screen.state.form)]
        assert services.started == []
        services.refuses = "it does not work: out of memory"
        await pilot.press("t")
        await until(pilot, lambda: "it does not work: out of memory" in text(app))


async def test_a_trial_that_fails_does_not_forget_a_start(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        page.start_keys.starting = True
        page.post_message(Failed("try", "out of memory"))
        await until(pilot, lambda: "out of memory" in text(app))
        assert page.start_keys.starting
        page.post_message(Failed("start", "the device is taken"))
        await until(pilot, lambda: "the device is taken" in text(app))
        assert not page.start_keys.starting


async def test_from_nothing_to_a_running_run(nothing: FakeServices) -> None:
    async with shown(nothing) as (app, pilot):
        await pilot.press("n")
        await until(pilot, lambda: ready(app))
        assert app.screen.name_of_page == "New run"  # type: ignore[attr-defined]
        await pilot.press("tab", "tab", "tab", "down", "0", ".", "0", "5", "enter", "enter")
        await until(pilot, lambda: bool(nothing.started))
        assert nothing.started[0].config == {"lr": 0.05}
        assert nothing.started[0].command[-2:] == ("--lr", "0.05")
        await until(pilot, lambda: "new-run" in lines(app)[0] and "STARTING" in lines(app)[0])
        assert "importing" in lines(app)[1]
        await pilot.press("escape")
        await until(pilot, lambda: "starting" in text(app) and "new-run" in text(app))


async def test_a_queued_run_says_its_place_and_can_be_taken_out(nothing: FakeServices) -> None:
    async with shown(nothing, new=True) as (app, pilot):
        await pilot.press("f")
        await until(pilot, lambda: bool(nothing.queued))
        assert nothing.queued[0].command[-1] == "--queue"
        await until(pilot, lambda: "QUEUED" in lines(app)[0])
        assert "queued: 1st in line for cpu, after brisk-otter" in lines(app)[1]
        await pilot.press("s")
        assert "take new-run out of the queue?" in notice(app)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "queued     1st" in text(app))


async def test_a_wrong_value_is_red_at_once_and_enter_goes_to_it(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("tab", "tab", "tab", "down", "minus", "1")
        assert "lr must be greater than 0 and at most 10, got -1" in text(app)
        await pilot.press("enter", "tab", "enter")
        assert services.started == []
        assert app.screen.state.group == "settings"  # type: ignore[attr-defined]
        assert app.screen.state.setting.spec.name == "lr"  # type: ignore[attr-defined]
        assert "lr must be" in text(app)


async def test_letters_that_are_typed_are_no_commands(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("tab", "tab", "tab", "up", "equals_sign", "q", "y", "-", "1", "enter")
        assert app.is_running
        assert "--name qy-1" in text(app)


async def test_models_frameworks_and_datasets_are_chosen_with_arrows(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("up", "right")
        assert "$ dltui train softmax-tensorflow --dataset fashion-mnist" in text(app)
        await pilot.press("tab", "down", "down")
        assert "--device cuda:1" in text(app)
        await pilot.press("tab", "down")
        assert "--dataset digits" in text(app)
        await pilot.press("shift+tab", "shift+tab", "up")
        assert "$ dltui train linear-regression-tensorflow --dataset lines" in text(app)


async def test_what_core_refuses_is_said_and_nothing_starts(services: FakeServices) -> None:
    services.refuses = "cannot write figures to /x: permission denied; choose another --exports"
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "cannot write figures to /x" in text(app))
        assert app.screen.name_of_page == "New run"  # type: ignore[attr-defined]


async def test_a_run_takes_the_place_of_its_form_also_under_the_help(services: FakeServices) -> None:
    services.progress = ["preparing the data"]
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter", "question_mark")
        assert app.screen.name_of_page == "All keys"  # type: ignore[attr-defined]
        services.go_on.set()
        await until(pilot, lambda: app.screen.name_of_page == "Run")  # type: ignore[attr-defined]
        assert [page.name_of_page for page in app.screen_stack] == ["Runs", "Run"]  # type: ignore[attr-defined]
