"""The column of the states: a state and its time are two words at every width that shows both."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.numbers import age
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.summary import Summary
from dltui.tui.draw.styled_text import plain
from dltui.tui.draw.wording import LIVE, STATUS_STYLES
from dltui.tui.run_list.columns import TIGHT
from dltui.tui.run_list.table import table

NOW = 1e9


@pytest.mark.parametrize("seconds", [5, 44 * 60, 3 * 3600, 99 * 86400, 99 * 7 * 86400])
@pytest.mark.parametrize("status", sorted(set(STATUS_STYLES) - set(LIVE)))
def test_a_state_and_its_time_are_two_words(status: str, seconds: int) -> None:
    run = Summary(RunDirectory(Path("/r")), "r", "r", status, ended=NOW - seconds)
    for width in (TIGHT, 79, 80, 120, 200):
        (row,) = plain(table([run], 0, 0, width, 1, NOW, "", ascii_only=False))
        assert row.split()[-2:] == [status, age(seconds)], width
        assert len(row) == width


@pytest.mark.parametrize(
    ("done", "epochs"), [(3, 3000), (106, 1000), (995, 1000), (10000, 10000), (17, 20), (100, 100)]
)
def test_the_epochs_and_the_best_value_are_two_words(done: int, epochs: int) -> None:
    run = Summary(RunDirectory(Path("/r")), "r", "r", "finished", epochs_done=done, epochs=epochs, best="95.14 %")
    (row,) = plain(table([run], 0, 0, 80, 1, NOW, "", ascii_only=False))
    told = f"{done}/{epochs}" if epochs < 100 else f"{100 * done // epochs} %"
    assert f" {told} " in row.replace(f"{told}  ", f"{told} ")
    assert " 95.14 %" in row


def test_a_run_that_goes_on_is_never_at_a_hundred_percent() -> None:
    run = Summary(
        RunDirectory(Path("/r")), "r", "r", "running", epochs_done=299, epochs=300, fraction=299.9 / 300, best="95.14 %"
    )
    (row,) = plain(table([run], 0, 0, 80, 1, NOW, "", ascii_only=False))
    assert " 99 % " in row


def test_a_dataset_with_a_wide_name_is_called_by_its_end() -> None:
    run = Summary(RunDirectory(Path("/r")), "r", "r", "finished", dataset="csv:金毛犬")
    (row,) = plain(table([run], 0, 0, 80, 1, NOW, "", ascii_only=False))
    assert "csv" not in row
    assert "金毛犬" in row
