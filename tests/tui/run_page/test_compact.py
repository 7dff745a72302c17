"""The page of a run in a small terminal: half a tmux split, from 40x10 on."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.helpers.marks import few
from tests.tui.everywhere import LOOKS
from tests.tui.scenario import FakeServices, lines, shown, text, until
from tests.tui.test_screens import SvgExtension, TextExtension

RUNS = ("brisk-otter", "bold-wren", "wild-moth", "dull-crab", "calm-ibis", "lines-1")
SIZES = few(((40, 10), (79, 24), (60, 20)), 1)


@pytest.mark.parametrize("run", few(RUNS, 2))
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_letters(services: FakeServices, snapshot: SnapshotAssertion, run: str, size: tuple[int, int]) -> None:
    async with shown(services, size, LOOKS["no-color"], run=run) as (app, _):
        assert [len(line) for line in lines(app)] == [size[0]] * size[1]
        assert text(app) == snapshot(extension_class=TextExtension)


@pytest.mark.long
@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("size", [(40, 10), (60, 20), (79, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, look: str, size: tuple[int, int]) -> None:
    async with shown(services, size, LOOKS[look], run="brisk-otter") as (app, _):
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_the_answers_of_a_question_are_seen_at_40x10(services: FakeServices) -> None:
    async with shown(services, (40, 10), run="brisk-otter") as (app, pilot):
        await pilot.press("s")
        asked = " ".join(line.strip() for line in lines(app))
        assert "stop brisk-otter early and keep everything?" in asked
        assert "y yes   Esc no" in asked
        await pilot.press("escape")
        assert "y yes" not in text(app)
        await pilot.press("2")
        await until(pilot, lambda: "% share" not in lines(app)[-1] and "pair" in lines(app)[-1])
        assert not lines(app)[-1].rstrip().removesuffix("? keys").endswith("e")


async def test_head_chart_values_time_left_and_keys_are_there_at_40x10(services: FakeServices) -> None:
    async with shown(services, (40, 10), run="brisk-otter") as (app, pilot):
        shown_lines = lines(app)
        assert shown_lines[0].startswith(" brisk-otter")
        assert "RUNNING" in shown_lines[0]
        assert "epoch 7/10" in shown_lines[1]
        assert "left" in shown_lines[1]
        assert "loss" in shown_lines[2]
        assert "accuracy 91.33 %  best 91.33 % (6)" in shown_lines[7]
        assert "? keys" in shown_lines[9]
        await pilot.press("down")
        assert "accuracy %" in lines(app)[2]
        await pilot.press("P")
        assert "REPLAY" in lines(app)[0]


@pytest.mark.long
async def test_every_tab_can_be_opened_and_nothing_is_wider_than_the_screen(services: FakeServices) -> None:
    async with shown(services, (40, 10), run="bold-wren") as (app, pilot):
        for key in "1234567":
            await pilot.press(key)
            await pilot.pause()
            assert [len(line) for line in lines(app)] == [40] * 10
        await pilot.press("question_mark")
        assert "all keys of" in text(app)


async def test_from_79x24_on_all_is_there(services: FakeServices) -> None:
    async with shown(services, (79, 24), run="brisk-otter") as (app, _):
        for word in ("METRIC", "SPEED", "1 Curves", "7 Hardware", "accuracy %", "epoch 6 saved"):
            assert word in text(app)
