"""Every screen in a small terminal, such as half a tmux split: from 40x10 on what matters most, below a card."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.events import MouseScrollUp, Paste

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.new_run.page import NewRunPage
from dltui.tui.run_list.page import RunsPage
from dltui.tui.run_page.page import RunPage
from dltui.tui.terminal.typed import Typed
from tests.helpers.marks import few
from tests.tui.everywhere import LOOKS
from tests.tui.scenario import FakeServices, drawn, lines, looked_inside, ready, resized, shown, until
from tests.tui.sweep_page.sample import FakeSweeps, sample_view
from tests.tui.test_moments import settled
from tests.tui.test_screens import SvgExtension, TextExtension

CARDS = ((20, 5), (39, 10), (40, 9))
SIZES = ((40, 10), (60, 15), (79, 24))
MORE_SIZES = ((45, 12), (52, 40), (66, 20), (72, 21), (76, 18), (120, 10), (79, 14))
SCROLLBARS = "\u2581\u2587\u258e\u2590"


class Shown(NamedTuple):
    """A run, or a page that compares; then the keys that are pressed at 40x10."""

    of: str | None
    keys: tuple[str, ...] = ()


SCREENS = {
    "runs": Shown(None),
    "new": Shown(None, ("n",)),
    "confusion": Shown("bold-wren", ("2",)),
    "compare": Shown("compare 2"),
    "sweep": Shown("sweep"),
    "new-settings": Shown(None, ("n", "shift+tab", *["down"] * 5)),
    "mistakes": Shown("bold-wren", ("3",)),
    "classes": Shown("bold-wren", ("4",)),
    "structure": Shown("bold-wren", ("5",)),
    "runs-failed": Shown(None, ("end",)),
    "runs-filtered": Shown(None, ("slash", *"lr>0", "enter", "space")),
    "new-device": Shown(None, ("n", "tab")),
    "new-dataset": Shown(None, ("n", "tab", "tab")),
    "new-typing": Shown(None, ("n", "shift+tab", "down", *"0.3")),
    "new-rates": Shown(None, ("n", "l")),
    "log": Shown("bold-wren", ("6",)),
    "hardware": Shown("bold-wren", ("7",)),
    "fit": Shown("lines-1", ("2",)),
    "largest-residuals": Shown("lines-1", ("3",)),
    "residuals": Shown("lines-1", ("4",)),
    "compare-four": Shown("compare 4"),
    "compare-curves": Shown("compare 4", ("tab",)),
    "sweep-picture": Shown("sweep", ("tab",)),
    "samples": Shown("pair"),
    "settings": Shown(None, ("S",)),
    "resume": Shown("wild-moth", ("r",)),
    "keys": Shown("brisk-otter", ("question_mark",)),
    "palette": Shown(None, ("ctrl+p",)),
    "overlay": Shown("bold-wren", ("v",)),
}
FIRST = 5
"""One of each page: these are seen in every run of the tests."""
IN_COLOR = 9


async def open_it(app: Any, pilot: Any, services: FakeServices, seen: Shown) -> None:
    runs = [RunDirectory(services.root / name) for name in ("bold-wren", "shy-newt", "cold-yak", "wild-moth")]
    if seen.of == "sweep":
        services.sweeps = FakeSweeps(sample_view(services.root))
        app.open_sweep("lab")
    elif seen.of == "pair":
        app.open_pair(runs[:2])
    elif seen.of is not None and seen.of.startswith("compare"):
        app.open_comparison(runs[: int(seen.of[-1])])
    await until(pilot, lambda: ready(app))
    await pilot.press(*seen.keys)
    page = app.screen
    if isinstance(page, RunPage):
        await until(pilot, lambda: looked_inside(page))
    elif isinstance(page, (RunsPage, NewRunPage)):
        await until(pilot, lambda: ready(app))
    else:
        await settled(app, pilot)


async def letters(app: Any, pilot: Any, size: tuple[int, int]) -> list[str]:
    await resized(pilot, size)
    found = lines(app)
    assert not any(line[-1] in SCROLLBARS for line in found), size
    return found


async def at_each_size(app: Any, pilot: Any) -> str:
    """The letters of a screen at three sizes. At these and more its keys can be seen; below 40x10 there is a card."""
    found = []
    for size in SIZES:
        there = await letters(app, pilot, size)
        assert "? keys" in there[-1], size
        found += [f"== {size[0]}x{size[1]}", *(line.rstrip() for line in there)]
    for size in (*CARDS, *MORE_SIZES):
        there = await letters(app, pilot, size)
        assert ("dltui needs" in "".join(there)) == (size in CARDS)
        assert size in CARDS or "keys" in there[-1], size
    return "\n".join(found)


@pytest.mark.parametrize("name", few(SCREENS, FIRST, 12))
async def test_screen(
    services: FakeServices, snapshot: SnapshotAssertion, name: str, request: pytest.FixtureRequest
) -> None:
    seen = SCREENS[name]
    run = seen.of if seen.of is not None and (services.root / seen.of).is_dir() else None
    async with shown(services, (40, 10), LOOKS["no-color"], run) as (app, pilot):
        await open_it(app, pilot, services, seen)
        assert await at_each_size(app, pilot) == snapshot(extension_class=TextExtension)


@pytest.mark.long
@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("name", list(SCREENS)[:IN_COLOR])
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, name: str, look: str) -> None:
    seen = SCREENS[name]
    run = seen.of if seen.of is not None and (services.root / seen.of).is_dir() else None
    async with shown(services, (40, 10), LOOKS[look], run) as (app, pilot):
        await open_it(app, pilot, services, seen)
        await drawn(pilot, lambda: True)
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_the_most_confused_pairs_are_chosen_one_by_one_and_lead_to_their_mistakes(services: FakeServices) -> None:
    async with shown(services, (40, 10), run="bold-wren") as (app, pilot):
        await pilot.press("2")
        page: Any = app.screen
        await until(pilot, lambda: looked_inside(page))
        await pilot.press("down")
        assert lines(app)[4].startswith(" › 12  Pullover → Coat")
        await pilot.press("enter")
        await until(pilot, lambda: "only Pullover → Coat" in lines(app)[2])


async def test_behind_the_card_keys_do_nothing(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt is there again when there is room for it."""
    monkeypatch.setenv("DLTUI_HOME", str(services.root.parent))
    async with shown(services) as (app, pilot):
        page: Any = app.screen
        await pilot.press("end", "R")
        await resized(pilot, (39, 9))
        await pilot.press("x", "enter", "d", "question_mark", "n")
        app.post_message(Typed("/" + "z" * 20))
        app.post_message(Paste("z" * 20))
        page.post_message(MouseScrollUp(None, 5, 5, 0, 0, 0, False, False, False))
        await pilot.pause()
        await resized(pilot, (80, 24))
        assert "rename wild-moth to wild-moth" in lines(app)[-2]
        await pilot.press("escape")
        assert (app.screen, len(page.state.lines), page.state.selected) == (page, 8, "wild-moth")


@pytest.mark.parametrize("keys", [(), ("slash", "x"), ("question_mark",), ("n",)])
async def test_from_the_card_q_leaves(services: FakeServices, keys: tuple[str, ...]) -> None:
    """Also where it is a letter, or leads back."""
    async with shown(services) as (app, pilot):
        await pilot.press(*keys)
        await resized(pilot, (39, 9))
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0
    assert not app.is_running


@pytest.mark.parametrize("of", ["compare 4", "sweep"])
async def test_tab_turns_from_the_table_to_each_picture_and_back(services: FakeServices, of: str) -> None:
    async with shown(services, (40, 10)) as (app, pilot):
        await open_it(app, pilot, services, Shown(of))
        first = lines(app)
        seen = []
        for _ in range({"compare 4": 3, "sweep": 5}[of]):
            await pilot.press("tab")
            seen.append(lines(app))
        assert seen.pop() == first
        assert all(one[3:8] != first[3:8] for one in seen)
        assert len({"".join(one) for one in seen}) == len(seen)


async def test_the_chosen_entry_of_each_part_of_the_form_is_visible(services: FakeServices) -> None:
    async with shown(services, (40, 10), new=True) as (app, pilot):
        page: Any = app.screen
        for _ in range(4):
            for key in ("down",) * 14:
                await pilot.press(key)
                assert any(line.startswith(" ›") for line in lines(app)[2:7]), page.state.group
            await pilot.press("tab")
        assert page.state.group == "model"


async def test_a_list_that_gets_more_room_fills_it(services: FakeServices) -> None:
    async with shown(services, (40, 10)) as (app, pilot):
        await pilot.press("end")
        assert "wild-moth" in lines(app)[5]
        await resized(pilot, (60, 15))
        assert "brisk-otter" in lines(app)[2]
