"""The first row of a run's page: what a run is doing is seen beside the longest names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.tui.draw.styled_text import cells, plain
from dltui.tui.run_page.compact.rows import compact_title
from dltui.tui.run_page.head import title
from dltui.tui.run_page.view import RunView, RunWatch
from tests.helpers.sample_run import BEGAN, make_sample_run


@pytest.fixture
def view(tmp_path: Path) -> RunView:
    """A run with long names, one in wide letters."""
    found = RunWatch(make_sample_run(tmp_path, status="running"), lambda: BEGAN + 30).look()
    assert found is not None
    return replace(
        found, summary=replace(found.summary, name="brisk-otter-with-a-long-name", dataset="folder:金毛寻回犬")
    )


@pytest.mark.parametrize("width", [76, 80, 90, 120])
@pytest.mark.parametrize(("state", "told"), [("", "RUNNING"), ("DELETED", "DELETED")])
def test_names_are_cut_and_not_the_state(view: RunView, width: int, state: str, told: str) -> None:
    for read_only in (False, True):
        row = title(view, "", "12:00", read_only, width, state)
        assert cells(row) == width
        (text,) = plain([row])
        assert told in text
        assert text.startswith(" brisk-otter-with-a-long-name")
        assert ("read-only" in text) is read_only


def test_in_a_small_terminal_a_wide_name_has_room_or_is_left_out(view: RunView) -> None:
    for width in range(40, 76):
        row = compact_title(view, "", False, width)
        assert cells(row) == width
        (text,) = plain([row])
        assert ("金毛寻回犬 " in text) is ("folder" in text), width
