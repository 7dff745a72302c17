"""The form asks for a learning rate and a batch size: it is proposed, the person takes it or leaves it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.fields import FieldSpec
from dltui.tui.new_run import rate_chart
from dltui.tui.new_run.finding import RatesPage
from tests.tui.new_run.test_path_field import type_path
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, lines, shown, text, until


async def test_a_rate_is_tested_in_the_background_and_taken(services: FakeServices) -> None:
    services.held = True
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("tab", "tab", "tab", "down", "down", *"64", "enter", "l")
        await until(pilot, lambda: "testing learning rates ..." in lines(app)[-2] and " 60 %" in lines(app)[-2])
        assert "no run is made" in lines(app)[-2]
        assert services.asked[0].config == {"batch_size": 64}
        await pilot.press("enter")
        assert isinstance(app.screen, RatesPage), "there is nothing to take yet"
        services.go_on.set()
        await until(pilot, lambda: "Enter takes lr 0.046" in text(app))
        assert "$ dltui train cnn-torch --dataset fashion-mnist --batch-size 64 --lr 0.046" in text(app)
        await pilot.press("enter")
        page: Any = app.screen
        assert page.name_of_page == "New run"
        assert page.state.form.values("model") == {"batch_size": 64, "lr": 0.046}
        assert page.state.setting.spec.name == "lr"
        assert "lr 0.046 taken" in text(app)
        assert services.cancelled == 0


async def test_escape_leaves_the_form_as_it_was_and_ends_the_test(services: FakeServices) -> None:
    services.held = True
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, RatesPage))
        await pilot.press("escape")
        await until(pilot, lambda: services.cancelled == 1)
        services.go_on.set()
        page: Any = app.screen
        assert page.state.form.values("model") == {}


async def test_a_test_that_fails_says_why(services: FakeServices) -> None:
    services.refuses = "out of memory at batch size 256; try batch size 128"
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("l")
        await until(pilot, lambda: "try batch size 128" in text(app) and "the test failed" in lines(app)[-2])
        await pilot.press("enter", "escape")
        assert app.screen.name_of_page == "New run"  # type: ignore[attr-defined]


async def test_a_batch_size_is_proposed_and_taken_or_left(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("b")
        await until(pilot, lambda: "batch size 4,096 fits; Enter takes it" in text(app))
        await pilot.press("escape")
        assert page.state.form.values("model") == {}
        await pilot.press("b")
        await until(pilot, lambda: "batch size 4,096 fits; Enter takes it" in text(app))
        await pilot.press("enter")
        assert page.state.form.values("model") == {"batch_size": 4096}
        assert "13 steps an epoch" in text(app)
        assert services.started == []


async def test_a_batch_size_is_told_of_what_it_was_looked_for_with(services: FakeServices) -> None:
    services.held = True
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("b", "up")
        services.go_on.set()
        said = "for cnn-torch on fashion-mnist, as the form was, batch size 4,096 fits: 13 steps an epoch"
        await until(pilot, lambda: said in " ".join(text(app).split()))
        assert not page.notice.asking
        services.go_on.clear()
        # It fits with any learning rate.
        await pilot.press("down", "b", "tab", "tab", "tab", "down", *"0.05", "enter")
        services.go_on.set()
        await until(pilot, lambda: "batch size 4,096 fits; Enter takes it" in text(app))


@pytest.mark.parametrize(("key", "started"), [("enter", 1), ("escape", 0)])
async def test_a_search_ends_with_the_form_and_before_a_run_begins(
    services: FakeServices, key: str, started: int
) -> None:
    services.held = True
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("b")
        await until(pilot, lambda: "looking for a batch size that fits" in text(app))
        await pilot.press(key)
        await until(pilot, lambda: services.cancelled == 1)
        await until(pilot, lambda: app.screen.name_of_page != "New run")  # type: ignore[attr-defined]
        services.go_on.set()
    assert len(services.started) == started


async def test_a_search_that_was_ended_proposes_nothing(services: FakeServices) -> None:
    services.held = True
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("b", "t")
        assert services.cancelled == 1
        services.go_on.set()
        await until(pilot, lambda: "it works" in text(app))
        await until(pilot, lambda: all(one.name != "dltui-fit" for one in threading.enumerate()))
        assert not page.notice.asking
        assert page.find_keys.row() == []


async def test_progress_that_comes_late_is_not_shown(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread tells it, and the search may be ended at any place there."""
    services.held = True
    tells: list[Callable[[str], None]] = []
    finder = services.finding.finder

    def noted(tell: Callable[[str], None], *more: Any) -> Any:
        tells.append(tell)
        return finder(tell, *more)

    monkeypatch.setattr(services.finding, "finder", noted)
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen

        class Late(str):
            def __format__(self, how: str) -> str:
                page.find_keys.cancel()
                return "batch size 64"

        await pilot.press("b")
        tells[0]("batch size 32")
        assert "batch size 32" in page.find_keys.row()[0][0]
        tells[0](Late())
        assert page.find_keys.row() == []
        await pilot.press("b")
        assert len(tells) == 2, "another search can begin"
        services.go_on.set()
        await until(pilot, lambda: page.notice.asking)
        assert page.find_keys.row() == []


async def test_data_is_looked_at_again_when_samples_are_left_out(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalog = make_catalog()
    folder = catalog.datasets["folder"]
    drop = FieldSpec("drop", "str", "", "what is left out")
    catalog.datasets["folder"] = replace(folder, fields=(*folder.fields, drop))
    monkeypatch.setattr(services.catalog, "load", lambda: catalog)
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await type_path(pilot, str(tmp_path))
        await until(pilot, lambda: len(page.state.form.previews) == 1)
        page.find_keys._leave_out(tmp_path / "review.csv")
        await until(pilot, lambda: len(page.state.form.previews) == 2)


@pytest.mark.parametrize("losses", [[-4.0, -3.0, -5.0, -6.0], [2.0, 3.0, 1.0, 0.5]])
def test_no_loss_of_the_first_steps_is_clipped(losses: list[float]) -> None:
    (series,) = rate_chart.partial([1e-4, 1e-3, 1e-2, 1e-1], losses, 1e-5, 1.0).series
    assert list(series.y) == losses


async def test_the_word_fit_is_a_batch_size_until_the_run_begins(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("tab", "tab", "tab", "down", "down", "equals_sign", *"fit", "enter")
        assert "fit: the largest that fits" in lines(app)[-3]
        assert page.state.form.first_problem() == (None, "")
        assert "--batch-size fit" in text(app)
        assert page.state.form.values("model") == {"batch_size": "fit"}
        await pilot.press("up", "equals_sign", *"fit", "enter")
        assert "lr must be greater than 0" in text(app), "of a batch size alone"


async def test_nothing_is_tested_with_wrong_values_or_by_who_only_watches(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("tab", "tab", "tab", "down", "minus", "1", "enter", "l", "b")
        assert "lr must be greater than 0" in text(app)
    services.viewer.read_only = True
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("l", "b")
        assert "read-only" in text(app)
    assert services.asked == []
