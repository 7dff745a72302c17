"""Every key of the run page is answered by the one object whose it is, and by the open tab first."""

from __future__ import annotations

import re

from textual.binding import Binding

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.run_page.keys import BINDINGS
from dltui.tui.run_page.page import RunPage
from dltui.tui.run_page.tabs import NAMES
from tests.tui.scenario import FakeServices, shown, text


def passed_on() -> set[str]:
    """The keys that are bound with `press`."""
    found = [re.fullmatch(r"press\('(.+)'\)", binding.action) for binding in BINDINGS]
    return {match[1] for match in found if match}


def test_what_is_bound_is_answered_and_what_is_answered_is_bound(services: FakeServices) -> None:
    page = RunPage(RunDirectory(services.root / "bold-wren"))
    answered = set(page.answers).union(*(tab.answers for tab in page.tabs.all))
    assert answered == passed_on()


def test_no_key_has_two_answers(services: FakeServices) -> None:
    page = RunPage(RunDirectory(services.root / "bold-wren"))
    shared = [page.run_keys.answers, page.run.answers, *(tab.answers_everywhere for tab in page.tabs.all)]
    for tab in page.tabs.all:
        keys = [key for answers in (*shared, tab.answers) for key in answers]
        assert len(keys) == len(set(keys)), tab.name


def test_each_key_is_bound_once() -> None:
    keys = [key for binding in BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")]
    assert len(keys) == len(set(keys))


def test_the_numbers_of_the_tabs_are_their_places(services: FakeServices) -> None:
    page = RunPage(RunDirectory(services.root / "bold-wren"))
    assert tuple(tab.name for tab in page.tabs.all) == NAMES
    assert [page.tabs.number, page.tabs.open] == [0, page.tabs.curves]


async def test_a_key_of_one_tab_means_nothing_on_another(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = app.screen
        assert isinstance(page, RunPage)
        await pilot.press("6", "z", "shift+left", "enter", "f", "space", "slash", "left", "right")
        assert (page.tabs.open, page.tabs.curves.curve_view.alone, page.tabs.curves.curve_view.cursor) == (
            page.tabs.log, False, None
        )  # fmt: skip
        await pilot.press("1", "z", "shift+left")
        assert page.tabs.curves.curve_view.alone
        assert page.tabs.curves.curve_view.cursor is not None


async def test_how_one_looks_at_the_curves_can_be_chosen_from_every_tab(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = app.screen
        assert isinstance(page, RunPage)
        await pilot.press("6", "x")
        assert "curves over steps" in text(app)
        await pilot.press("P")
        assert "REPLAY 1x" in text(app)
        await pilot.press("escape")
        assert (app.screen, page.run.replay, page.tabs.open) == (page, None, page.tabs.log)
