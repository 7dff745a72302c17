"""The row of notices: what is typed, what is wrong with it, questions that wait for their turn, messages that end."""

from __future__ import annotations

import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.line_edit import Answer
from dltui.tui.base.sent_commands import AtRisk
from dltui.tui.terminal.typed import Typed
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import NOW, FakeServices, lines, shown, text, until

LONG = "a-name-of-sixty-four-letters-".ljust(64, "x")


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 50)])
async def test_what_is_wrong_with_a_name_can_be_read(services: FakeServices, size: tuple[int, int]) -> None:
    make_sample_run(services.root, run_id=LONG)
    async with shown(services, size) as (app, pilot):
        app.screen.state.selected = LONG  # type: ignore[attr-defined]
        await pilot.press("R")
        app.post_message(Typed("y" * 65))
        await pilot.press("enter")
        await until(pilot, lambda: "at most 64 characters" in text(app))
        assert f"{'y' * 20}" in text(app)
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: RunDirectory(services.root / LONG).labels()["name"] == "y" * 64)


async def test_what_is_wrong_has_a_row_of_its_own_where_it_is_narrow(services: FakeServices) -> None:
    async with shown(services, (40, 10)) as (app, pilot):
        await pilot.press("slash", *"lr>fast")
        await until(pilot, lambda: "show only lr>fast" in text(app))
        told = " ".join(" ".join(lines(app)).split())
        assert "lr>fast in the filter wants a number after >" in told
        await pilot.press("escape")
        await until(pilot, lambda: "wants a number" not in text(app))


async def test_what_is_wrong_with_a_learning_rate_can_be_read(services: FakeServices) -> None:
    async with shown(services, (40, 12), run="brisk-otter") as (app, pilot):
        await pilot.press("l", "9", "9", "enter")
        assert "new learning" in lines(app)[-2]
        assert lines(app)[-2].rstrip().endswith("99   0 < lr <= 10")


async def test_a_question_waits_until_what_is_being_typed_is_done(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        page = app.screen
        answered: list[str] = []
        ask: dict[str, Answer] = {"y": lambda: answered.append("y")}
        await pilot.press("slash", *"cnn")
        page.notice.ask("kill it?   y yes   Esc no", ask)  # type: ignore[attr-defined]
        page.notice.ask("and that?   y yes   Esc no", ask)  # type: ignore[attr-defined]
        await pilot.press("y")
        assert lines(app)[-2].startswith(" show only cnny")
        await pilot.press("enter")
        assert lines(app)[-2].startswith(" kill it?")
        await pilot.press("y")
        assert lines(app)[-2].startswith(" and that?")
        await pilot.press("escape")
        assert answered == ["y"]
        assert "?" not in lines(app)[-2]


async def test_the_cost_of_a_kill_does_not_replace_a_prompt(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        page = app.screen
        await pilot.press("l")
        page.post_message(AtRisk(page.run.summary, "all of it"))  # type: ignore[attr-defined]
        await pilot.pause()
        assert lines(app)[-2].startswith(" new learning rate")
        await pilot.press("escape")
        assert lines(app)[-2].startswith(" kill brisk-otter? lost: all of it")
        await pilot.press("y")
        await until(pilot, lambda: services.killed == ["brisk-otter"])


async def test_a_message_ends_although_the_clock_was_set_back(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("o")
        monkeypatch.setattr(services.clock, "now", lambda: NOW - 3600)
        services.now += 7
        app.screen.tick()  # type: ignore[attr-defined]
        await until(pilot, lambda: "sorted by" in lines(app)[-2])
        services.now += 2
        app.screen.tick()  # type: ignore[attr-defined]
        await until(pilot, lambda: "sorted by" not in text(app))
