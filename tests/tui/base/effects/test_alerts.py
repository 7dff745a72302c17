"""What the terminal is told of a run, how, and when it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.effects.alerts import Notices, sequence
from dltui.tui.base.summary import Summary
from tests.tui.scenario import FakeServices, shown, text

RUN = Summary(RunDirectory(Path("/r")), "r", "r", "running", best="90.00 %", best_name="accuracy", best_epoch=2)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color"}, "\a\x1b]9;dltui: r finished\x1b\\"),
        ({"TERM": "foot"}, "\a\x1b]777;notify;dltui;r finished\x1b\\"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7000"}, "\a\x1b]777;notify;dltui;r finished\x1b\\"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, "\a\x1bPtmux;\x1b\x1b]9;dltui: r finished\a\x1b\\"),
        ({"TERM": "screen-256color"}, "\a"),
        ({"TERM": "linux"}, "\a"),
        ({"TERM": "dumb"}, ""),
        ({}, ""),
    ],
)
def test_each_terminal_in_its_own_way(environment: dict[str, str], expected: str) -> None:
    assert sequence("r finished", environment) == expected


def test_a_name_cannot_end_the_sequence() -> None:
    found = sequence("a\x1b\\\x07;evil\n", {"TERM": "foot"})
    body = found.removeprefix("\a\x1b]777;notify;dltui;").removesuffix("\x1b\\")
    assert body.isprintable()
    assert ";" not in body


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("off", []),
        ("end", ["r failed, best accuracy 91.00 %"]),
        ("best", ["r: new best accuracy 91.00 % in epoch 3", "r failed, best accuracy 91.00 %"]),
    ],
)
def test_each_thing_is_told_once(wanted: str, expected: list[str]) -> None:
    told: list[str] = []
    notices = Notices(told.append, lambda: wanted)
    better = replace(RUN, best="91.00 %", best_epoch=3)
    for run in (RUN, RUN, better, better, replace(better, status="failed"), replace(better, status="failed")):
        notices.seen([run])
    assert told == expected


def test_a_silenced_run_and_one_that_ended_long_ago_say_nothing() -> None:
    told: list[str] = []
    notices = Notices(told.append, lambda: "best")
    notices.seen([replace(RUN, status="finished")])
    assert not notices.toggle("r")
    notices.seen([RUN])
    notices.seen([replace(RUN, status="finished")])
    assert told == []
    assert notices.toggle("r")


async def test_b_silences_the_run_on_the_page(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("b")
        assert "no notifications of brisk-otter" in text(app)
        assert app.notices.silent == {"brisk-otter"}
        await pilot.press("b")
        assert app.notices.silent == set()
