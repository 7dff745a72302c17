"""The page of a sweep: pictures at three sizes and in every look, brushes, and the keys of trials and of the sweep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.tui.draw.styled_text import cells, plain
from dltui.tui.new_run.page import NewRunPage
from dltui.tui.sweep_page import parallel
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK, LIGHT
from tests.helpers.marks import few
from tests.helpers.sample_run import make_sample_run
from tests.tui.everywhere import everywhere
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.sweep_page.sample import COMMAND, FakeSweeps, sample_view
from tests.tui.test_screens import SvgExtension, TextExtension


@pytest.fixture
def sweeps(nothing: FakeServices) -> FakeSweeps:
    nothing.sweeps = FakeSweeps(sample_view(nothing.root))
    return nothing.sweeps


async def opened(app: Any, pilot: Any) -> Any:
    app.open_sweep("lab")
    await until(pilot, lambda: ready(app))
    return app.screen


@pytest.mark.parametrize("picture", few(range(4), 2))
async def test_each_picture_everywhere(
    nothing: FakeServices, sweeps: FakeSweeps, snapshot: SnapshotAssertion, picture: int
) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        page.state.turn(picture)
        assert await everywhere(app, pilot) == snapshot(extension_class=TextExtension)


LOOKS = {
    "dark-80": (DARK, (80, 24)),
    "light-120": (LIGHT, (120, 40)),
    "dark-200": (DARK, (200, 50)),
    "light-80": (LIGHT, (80, 24)),
}


@pytest.mark.parametrize("look", few(LOOKS, 2))
async def test_colors(nothing: FakeServices, sweeps: FakeSweeps, snapshot: SnapshotAssertion, look: str) -> None:
    theme, size = LOOKS[look]
    async with shown(nothing, size, Terminal(theme=theme)) as (app, pilot):
        page = await opened(app, pilot)
        await pilot.press("tab", "b")
        await pilot.pause()
        assert page.state.picture == 1
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_brushes_leave_what_lies_in_them(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        state = page.state
        everyone = len(state.ranked)
        await pilot.press("b")
        assert {one.values["lr"] >= 0.1 for one in state.ranked} == {True}
        assert "brushed: lr upper third" in text(app)
        await pilot.press("right", "right", "b", "b")
        assert {one.values["optimizer"] for one in state.ranked} <= {"adamw"}
        await pilot.press("x")
        assert len(state.ranked) == everyone
        # The result is an axis, too; after the last part all of it is chosen again.
        await pilot.press("right", "right", "b")
        assert 0 < len(state.ranked) < everyone
        assert state.brush_text() == "accuracy upper third"
        await pilot.press("b", "b", "b")
        assert not state.brushes


async def test_the_best_trial_comes_first_and_is_followed(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        best = [one.best for one in page.state.ranked]
        assert best == sorted(best, key=lambda value: -(value or 0.0))
        await pilot.press("down", "down")
        chosen = page.state.trial.run.id
        # Others are found meanwhile.
        page.state.take(replace(sweeps.view, trials=sweeps.view.trials[:-1]))
        assert page.state.trial.run.id == chosen


async def select(pilot: Any, page: Any, wanted: Any) -> Any:
    page.state.selected = next(one.run.id for one in page.state.ranked if wanted(one))
    page.redraw()
    await pilot.pause()
    return page.state.trial


async def test_keys_of_a_trial(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        pruned = await select(pilot, page, lambda one: one.pruned == 1)
        await pilot.press("p")
        await until(pilot, lambda: bool(sweeps.done))
        await pilot.press("r")
        await until(pilot, lambda: len(sweeps.done) == 2)
        await pilot.press("i")
        await until(pilot, lambda: len(sweeps.done) == 3)
        assert sweeps.done == [("promote", pruned.run.id), ("resume", pruned.run.id), ("pin", pruned.run.id)]
        await pilot.press("s")
        assert "nothing to stop" in text(app)
        running = await select(pilot, page, lambda one: one.pinned)
        await pilot.press("p")
        assert "only a pruned trial can be promoted" in text(app)
        await pilot.press("s", "y")
        await until(pilot, lambda: len(sweeps.done) == 4)
        await pilot.press("i")
        await until(pilot, lambda: len(sweeps.done) == 5)
        assert sweeps.done[3:] == [("stop_trial", running.run.id), ("unpin", running.run.id)]


async def test_the_page_of_a_trial_leads_back_to_the_sweep(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        first, other = (one.run.id for one in page.state.ranked[:2])
        make_sample_run(nothing.root, run_id=first, status="interrupted")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not page and ready(app))
        assert "Esc sweep" in lines(app)[-1]
        page.state.selected = other
        await pilot.press("escape")
        assert (app.screen, page.state.selected) == (page, first)
        # A run over the page of a run leads past that.
        for _ in range(2):
            app.open_run(page.state.trial.run)
            await until(pilot, lambda: ready(app))
        await pilot.press("escape")
        assert app.screen is page


async def test_a_trial_that_ends_during_the_question_is_not_stopped(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        running = await select(pilot, page, lambda one: one.pinned)
        await pilot.press("s")
        ended = replace(running, status="finished", over=True)
        page.state.take(replace(sweeps.view, trials=(*sweeps.view.trials[:-1], ended)))
        await pilot.press("y")
        assert "nothing to stop" in text(app)
        assert not sweeps.done


def test_labels_in_wide_letters_stand_over_their_axes() -> None:
    row = parallel._labels([("a", ""), ("猫狗猫狗", ""), ("b", "")], [1, 20, 38], 40)
    assert cells(row) == 40
    (text_,) = plain([row])
    assert text_.index("猫") == 16


async def test_the_whole_of_the_epochs_is_in_the_title(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        most = page.found.plan.most_epochs
        assert f"by epochs spent, of {most}" in text(app)
        assert f"of {most}" not in "".join(line for line in lines(app) if "epochs spent" not in line)


async def test_a_fork_of_a_trial_is_filled_in_as_any_fork(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        trial = page.state.trial.run
        make_sample_run(nothing.root, run_id=trial.id, status="interrupted")
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, NewRunPage) and ready(app))
        assert f"Fork   of {trial.id} at " in lines(app)[0]
        await pilot.press(*"0.02", "enter")
        assert f"$ dltui fork {trial.id} --lr 0.02" in text(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(nothing.forked))
        assert nothing.forked == [(trial.id, ["lr=0.02"])]


async def test_a_reader_forks_no_trial(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    nothing.viewer.read_only = True
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        await pilot.press("f")
        assert app.screen is page
        assert "read-only" in text(app)


async def test_keys_of_the_sweep(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    async with shown(nothing) as (app, pilot):
        page = await opened(app, pilot)
        await pilot.press("plus")
        await until(pilot, lambda: bool(sweeps.done))
        await pilot.press("X", "y")
        await until(pilot, lambda: len(sweeps.done) == 2)
        await pilot.press("g")
        await until(pilot, lambda: len(sweeps.done) == 3)
        await pilot.press("e")
        await until(pilot, lambda: "pictures in" in text(app))
        assert sweeps.done == [("more", 10), ("stop", "lab"), ("lead", "lab"), ("export", "lab")]
        assert page.found.plan.command == tuple(COMMAND.split())
        await pilot.press("escape")
        assert app.screen.name_of_page == "Runs"


async def test_trials_that_cannot_be_stopped_are_said(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    sweeps.unreached = "not reached from this machine: lab-t004"
    async with shown(nothing) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("X", "y")
        await until(pilot, lambda: "lab stops; not reached from this machine: lab-t004" in text(app))
        sweeps.unreached = ""
        await pilot.press("X", "y")
        await until(pilot, lambda: len(sweeps.done) == 2 and "not reached" not in text(app))
        assert "lab stops" in text(app)


async def test_a_reader_changes_nothing(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    nothing.viewer.read_only = True
    async with shown(nothing) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("plus", "g", "X", "p", "i")
        await pilot.pause()
        assert "read-only" in text(app)
        assert not sweeps.done


async def test_a_sweep_that_waits_says_how_it_goes_on(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    sweeps.view = replace(sweeps.view, status="interrupted", hint="dltui sweep resume lab")
    async with shown(nothing) as (app, pilot):
        await opened(app, pilot)
        assert "g goes on with it: dltui sweep resume lab" in text(app)
        assert "interrupted" in lines(app)[0]


async def test_without_a_trial(nothing: FakeServices, sweeps: FakeSweeps) -> None:
    sweeps.view = replace(sweeps.view, trials=())
    async with shown(nothing) as (app, pilot):
        await opened(app, pilot)
        for _ in range(4):
            assert "no trial yet" in text(app)
            await pilot.press("tab", "b", "x")
            await pilot.pause()
