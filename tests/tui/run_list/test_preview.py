"""The preview of the selected run on large screens: what it shows, what it reads, and when."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.tui.draw.styled_text import Look, cells, plain
from dltui.tui.run_list import preview_reading
from dltui.tui.run_list.columns import columns, header
from dltui.tui.run_list.preview import Preview, rows
from tests.helpers.marks import few
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, resized, shown, text, until

LARGE = (120, 40)


def previewed(app: Any, run: str) -> bool:
    found = app.screen.preview.found
    return found is not None and found.line == run


async def test_it_follows_the_cursor(services: FakeServices) -> None:
    async with shown(services, LARGE) as (app, pilot):
        first = app.screen.state.selected
        await until(pilot, lambda: previewed(app, first))
        assert "mistakes" in text(app)
        assert "accuracy %" in text(app)
        await pilot.press("down")
        await until(pilot, lambda: previewed(app, app.screen.state.selected))
        assert app.screen.preview.found.own.id == app.screen.state.selected != first
        app.screen.state.selected = "lines-1"
        await until(pilot, lambda: previewed(app, "lines-1"))
        assert "fit  test, epoch 10" in text(app)


async def test_on_the_way_through_the_list_nothing_is_read(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_reading, "RESTS", 0.4)
    opened: list[str] = []
    real = preview_reading.open_reader
    monkeypatch.setattr(preview_reading, "open_reader", lambda run, clock: (opened.append(run.id), real(run, clock))[1])
    async with shown(services, LARGE) as (app, pilot):
        await until(pilot, lambda: previewed(app, app.screen.state.selected))
        opened.clear()
        await pilot.press(*["down"] * 4)
        await until(pilot, lambda: previewed(app, app.screen.state.selected))
        assert opened == [app.screen.state.selected]


async def test_marked_runs_lie_over_it_at_once(services: FakeServices) -> None:
    async with shown(services, LARGE) as (app, pilot):
        app.screen.state.choice.mark(["bold-wren", "shy-newt"])
        app.screen.state.selected = "bold-wren"
        await until(pilot, lambda: previewed(app, "bold-wren") and len(app.screen.preview.found.others) == 1)
        assert any(line.startswith("── bold-wren ") and " shy-newt " in line for line in text(app).splitlines())


@pytest.mark.long
async def test_a_group_shows_its_runs_over_one_another(services: FakeServices) -> None:
    import json

    for seed in (1, 2):
        run = make_sample_run(services.root, run_id=f"lab-s{seed}", seed=seed, epochs=3)
        asked = json.loads(run.run_json.read_text())
        run.run_json.write_text(json.dumps({**asked, "group": "lab"}))
    async with shown(services, LARGE) as (app, pilot):
        app.screen.state.selected = "group/lab"
        await until(pilot, lambda: previewed(app, "group/lab"))
        found = app.screen.preview.found
        assert (found.own, [run.id for run in found.others]) == (None, ["lab-s1", "lab-s2"])


async def test_the_list_has_the_room_of_its_lines_also_after_a_filter(services: FakeServices) -> None:
    for number in range(4):
        make_sample_run(services.root, run_id=f"more-{number}", epochs=1)
    async with shown(services, LARGE) as (app, pilot):
        table = app.screen.query_one("#table")
        whole = table.size.height
        assert whole == 13
        app.screen.state.choice.filter("more")
        app.screen.state.fold()
        app.screen.tick()
        await until(pilot, lambda: table.size.height == 8)
        app.screen.state.choice.filter("")
        app.screen.state.fold()
        app.screen.tick()
        await until(pilot, lambda: table.size.height == whole)


@pytest.mark.parametrize("size", few([(119, 40), (120, 29), (80, 24)], 1))
async def test_without_room_nothing_is_read(services: FakeServices, size: tuple[int, int]) -> None:
    async with shown(services, size) as (app, pilot):
        app.screen.tick()
        assert app.screen.preview._reading is None
        await pilot.resize_terminal(*LARGE)
        await until(pilot, lambda: previewed(app, app.screen.state.selected))
        await resized(pilot, size)
        assert not app.screen.preview.has_room


@pytest.mark.long
async def test_a_run_that_cannot_be_read_has_an_empty_preview(services: FakeServices) -> None:
    (services.root / "bold-wren" / "run.json").write_text("{")
    async with shown(services, LARGE) as (app, pilot):
        app.screen.state.selected = "bold-wren"
        await until(pilot, lambda: previewed(app, "bold-wren"))
        assert app.screen.preview.found.own is None
        assert "cannot be read" in text(app)


@pytest.mark.parametrize("size", [(120, 10), (120, 3), (300, 40), (121, 17)])
@pytest.mark.parametrize("look", [Look(), Look(ascii=True, mono=True)])
def test_it_fills_its_room_whatever_there_is(size: tuple[int, int], look: Look) -> None:
    found = rows(Preview("a", "a", None), "a", *size, look)
    assert len(found) == size[1]
    assert {cells(row) for row in found} == {size[0]}


def test_the_trend_has_a_column_from_120_on() -> None:
    assert "TREND" in plain([header(120)])[0]
    assert "TREND" not in plain([header(112)])[0]
    for width in range(80, 260):
        assert sum(columns(width).values()) + 2 + 15 <= width
