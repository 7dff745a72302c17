"""Progress goes to terminals that say that they show it, once a percent, and to no other."""

from __future__ import annotations

import pytest

from dltui.tui.base.effects.taskbar import Taskbar, known


@pytest.mark.parametrize(
    ("environment", "shows"),
    [
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, True),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "8000"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "6800"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "tmux-256color", "WT_SESSION": "1", "TMUX": "x"}, False),
        ({"TERM": "screen", "TERM_PROGRAM": "ghostty"}, False),
        ({"TERM": "xterm-256color", "VTE_VERSION": "8000", "STY": "1.pts-0.host"}, False),
        ({}, False),
    ],
)
def test_only_terminals_that_say_so(environment: dict[str, str], shows: bool) -> None:
    assert known(environment) == shows


def test_each_percent_is_told_once() -> None:
    told: list[str] = []
    bar = Taskbar(told.append, {"TERM": "xterm", "WT_SESSION": "1"})
    bar.clear()
    for fraction in (0.101, 0.102, 0.2):
        bar.show(fraction)
    bar.show(0.2, paused=True)
    bar.clear()
    bar.clear()
    assert told == [f"\x1b]9;4;{code}\x1b\\" for code in ("1;10", "1;20", "4;20", "0;0")]


def test_others_get_nothing() -> None:
    told: list[str] = []
    Taskbar(told.append, {"TERM": "xterm"}).show(0.5)
    assert told == []
