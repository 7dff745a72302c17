"""A click does what the key does that is shown there; over SSH the terminal keeps its own selection of text."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.tui.base.effects.mouse import key_at, tab_at, wanted
from dltui.tui.draw.styled_text import Row
from dltui.tui.run_page.head import tabs
from tests.tui.scenario import FakeServices, drawn, lines, looked_inside, shown, text

FOOT: Row = [
    (" ", ""), ("Enter", "key bold"), (" open   ", "dim"), ("n", "key bold"), (" new   ", "dim"), ("     ", ""),
]  # fmt: skip
NAMES = ("Curves", "Confusion", "Mistakes", "Classes", "Structure", "Log", "Hardware")


def test_over_ssh_it_is_off_unless_it_is_wanted() -> None:
    ssh = {"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}
    assert (wanted("auto", {}), wanted("auto", ssh)) == (True, False)
    assert (wanted("on", ssh), wanted("off", {})) == (True, False)


def test_the_key_of_a_row() -> None:
    assert [key_at(FOOT, x) for x in (0, 1, 5, 8, 14, 16, 24, 99)] == ["", "enter", "enter", "enter", "n", "n", "", ""]
    assert key_at([("Up Down", "key bold"), (" choose", "dim")], 3) == ""
    after: Row = [(" 猫狗 ", ""), ("r", "key"), (" resume", "dim")]
    assert [key_at(after, x) for x in (3, 5, 6, 12, 13)] == ["", "", "r", "r", "r"]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_tab_of_a_row(width: int) -> None:
    row = tabs(NAMES, 2, (), width, False)
    letters = "".join(part for part, _ in row)
    for number in range(1, 8):
        assert tab_at(row, letters.index(str(number))) == number
    assert tab_at(row, width - 1) == 0


async def click(pilot: Any, app: Any, part: str, x: int, y: int, times: int = 1) -> None:
    await pilot.click(f"#{part}", offset=(x, y), times=times)
    await pilot.pause()


async def test_lines_of_the_list_are_chosen_and_opened(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await click(pilot, app, "table", 5, 3)
        assert app.screen.state.index == 3
        await click(pilot, app, "detail", 5, 2)
        assert app.screen.state.index == 3
        where = lines(app)[-1].index("all keys")
        await click(pilot, app, "foot", where, 0)
        assert "all keys of Runs" in text(app)
        await pilot.press("escape")
        chosen = app.screen.state.selected
        await click(pilot, app, "table", 5, 3, times=2)
        await drawn(pilot, lambda: getattr(app.screen, "view", None) is not None)
        assert app.screen.run.directory.id == chosen


async def test_tabs_keys_and_the_cursor_of_a_chart(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page: Any = app.screen
        await click(pilot, app, "tabs", lines(app)[2].index("Log"), 0)
        assert page.tabs.open is page.tabs.log
        await click(pilot, app, "tabs", 3, 0)
        assert page.tabs.open is page.tabs.curves
        # The second chart, in the middle between its axes: half of ten epochs of 40 steps.
        await click(pilot, app, "tab", 62, 5)
        assert page.tabs.curves.curve_view.chart == 1
        assert page.tabs.curves.curve_view.cursor == pytest.approx(200, abs=20)
        assert "cursor" in lines(app)[-2]
        await click(pilot, app, "tab", 2, 5)
        assert page.tabs.curves.curve_view.chart == 1


@pytest.mark.long
async def test_the_wheel_zooms_curves_and_scrolls_the_rest(services: FakeServices) -> None:
    from textual.events import MouseScrollDown, MouseScrollUp

    async with shown(services, run="bold-wren") as (app, pilot):
        page: Any = app.screen

        async def wheel(kind: Any) -> None:
            page.post_message(kind(None, 5, 5, 0, 0, 0, False, False, False))
            await pilot.pause()

        await wheel(MouseScrollUp)
        first, last = page.tabs.curves.curve_view.span
        assert last - first == pytest.approx(320)
        await wheel(MouseScrollDown)
        assert page.tabs.curves.curve_view.span is None
        scrolled: list[int] = []
        page.tabs.structure.scroll = scrolled.append
        await pilot.press("5")
        await wheel(MouseScrollDown)
        await wheel(MouseScrollUp)
        assert scrolled == [3, -3]


async def test_the_wheel_goes_by_rows_of_mistakes_and_back(services: FakeServices) -> None:
    from textual.events import MouseScrollDown, MouseScrollUp

    async with shown(services, run="bold-wren") as (app, pilot):
        page: Any = app.screen
        await pilot.press("3")
        await drawn(pilot, lambda: looked_inside(page))
        places = []
        for kind in (MouseScrollDown, MouseScrollDown, MouseScrollUp):
            page.post_message(kind(None, 5, 5, 0, 0, 0, False, False, False))
            await pilot.pause()
            places.append(page.tabs.mistakes.cursor.place)
        assert places == [3, 6, 3]
        await pilot.press("pagedown")
        assert page.tabs.mistakes.cursor.place > 10
