"""What happened to a run: the last lines are the same whether all were made or only those."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.reading.reader import RunReader
from dltui.tui.run_page.log import timeline
from tests.helpers.sample_run import make_sample_run


@pytest.mark.parametrize("status", ["running", "paused", "finished", "failed", "interrupted"])
def test_the_last_lines_are_the_end_of_all_lines(tmp_path: Path, status: str) -> None:
    reader = RunReader(make_sample_run(tmp_path, status=status))
    reader.refresh()
    whole = timeline(reader.history)
    assert len(whole) > 5
    assert any(text.endswith("best") or ", best," in text for _, _, text in whole)
    for most in range(1, len(whole) + 3):
        assert timeline(reader.history, most) == whole[-most:]


def test_of_two_equal_epochs_the_one_that_the_run_took_is_called_best(tmp_path: Path) -> None:
    reader = RunReader(make_sample_run(tmp_path, status="finished"))
    reader.refresh()
    epochs = reader.history.epochs
    last = max(epochs)
    for best in (True, False):
        epochs[last] = replace(epochs[last], validation=epochs[last - 1].validation, best=best)
        (line,) = [text for _, _, text in timeline(reader.history) if text.startswith(f"epoch {last}: validation")]
        assert (", best" in line) is best
