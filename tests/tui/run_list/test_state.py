"""The cursor of the list of runs stays where it was when its run goes away elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.summary import Summary
from dltui.tui.run_list.state import RunListState


def run(name: str, group: str = "") -> Summary:
    return Summary(RunDirectory(Path("/r") / name), name, name, "finished", group=group)


def listed(*names: str) -> list[Summary]:
    return [run(name) for name in names]


@pytest.mark.parametrize(("rest", "then"), [("abcefg", "e"), ("abc", "c"), ("g", "g")])
def test_the_run_in_its_place_is_selected(rest: str, then: str) -> None:
    state = RunListState()
    state.take(listed(*"abcdefg"))
    state.selected = "d"
    state.take(listed(*rest))
    assert state.selected == then
    assert state.line is not None
    assert state.line.id == then


def test_of_a_group_that_dissolves_the_run_that_is_left_is_selected() -> None:
    state = RunListState()
    state.take([*listed("a", "b"), run("s1", "lab"), run("s2", "lab"), run("c")])
    state.selected = "group/lab"
    state.take([*listed("a", "b"), run("s1", "lab"), run("c")])
    assert state.selected == "s1"


def test_a_run_that_is_yet_to_come_or_is_filtered_out_stays_the_selected_one() -> None:
    state = RunListState()
    state.take(listed("a", "b"))
    state.selected = "new"
    state.take(listed("a", "b"))
    assert state.selected == "new"
    state.take(listed("a", "b", "new"))
    assert state.index == 2
    state.choice.filter("name:a")
    state.fold()
    state.take(listed("a", "b", "new"))
    assert (state.selected, state.index) == ("new", 0)
