"""Letters that come at once are told from keys: never within an escape sequence or a bracketed paste."""

from __future__ import annotations

import pytest

from dltui.tui.terminal.typed import Runs

LONG = "x" * 4_000


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_a_hand_types_is_keys(clock: Clock) -> None:
    assert list(Runs(clock).split("jjk/lr>0.1\r")) == [("jjk/lr>0.1\r", False)]


def test_a_run_is_one_part_and_what_comes_before_it_are_keys(clock: Clock) -> None:
    assert list(Runs(clock).split(f"j\t{LONG}\rq")) == [("j\t", False), (LONG, True), ("\r", False), ("q", True)]


def test_the_rest_of_a_run_belongs_to_it_however_short(clock: Clock) -> None:
    runs = Runs(clock)
    list(runs.split(LONG))
    assert list(runs.split("dy")) == [("dy", True)]
    clock.now += 1
    assert list(runs.split("dy")) == [("dy", False)]


def test_a_key_that_is_held_down_is_no_run_however_slow_the_link(clock: Clock) -> None:
    runs = Runs(clock)
    assert list(runs.split("j" * 40)) == [("j" * 40, False)]
    assert list(runs.split("j")) == [("j", False)], "nor is what comes after it the rest of one"
    assert list(runs.split("k" * 30 + "\r" + LONG)) == [("k" * 30 + "\r", False), (LONG, True)]


def test_escape_sequences_and_pastes_are_left_whole(clock: Clock) -> None:
    runs = Runs(clock)
    assert list(runs.split("\x1b[20")) == [("\x1b[20", False)]
    assert list(runs.split("0~" + LONG)) == [("0~" + LONG, False)]
    clock.now += 10
    assert list(runs.split(LONG)) == [(LONG, False)]
    assert list(runs.split(LONG + "\x1b[201~")) == [(LONG + "\x1b[201~", False)]
    clock.now += 10
    assert list(runs.split(LONG)) == [(LONG, True)]
