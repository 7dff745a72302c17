"""What happened to a run: the last lines are the same whether all were made or only those."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.reading.history import History
from dltui.core.reading.reader import RunReader
from dltui.tui.run_page import log
from dltui.tui.run_page.log import ending_rows, line_count, timeline, wrapped
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, shown, text


@pytest.mark.parametrize("status", ["running", "paused", "finished", "failed", "interrupted"])
def test_the_last_lines_are_the_end_of_all_lines(tmp_path: Path, status: str) -> None:
    reader = RunReader(make_sample_run(tmp_path, status=status))
    reader.refresh()
    whole = timeline(reader.history)
    assert len(whole) > 5
    assert any(text.endswith("best") or ", best," in text for _, _, text in whole)
    assert line_count(reader.history) == len(whole)
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


def clock(when: float) -> str:
    return f"{int(when) % 100:02}:00:00"


@pytest.mark.parametrize("height", [1, 3, 8])
def test_rows_are_made_of_what_is_seen_alone(height: int) -> None:
    lines = [(float(number), "", f"line {number} " + "and more words " * (number % 4)) for number in range(12)]
    whole = wrapped(lines, 40, clock)
    for back in range(len(whole) + 3):
        last = max(len(whole) - back, height)
        assert ending_rows(lines, 40, height, back, clock) == whole[last - height : last], back
    assert ending_rows(lines, 40, 100, 0, clock) == whole
    asked: list[float] = []
    ending_rows(lines, 40, height, 4, lambda when: asked.append(when) or clock(when))
    assert len(asked) <= height + 1


async def test_a_long_log_costs_no_more_than_a_short_one(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int | None] = []

    def counted(history: History, most: int | None = None) -> list[log.Line]:
        made.append(most)
        return timeline(history, most)

    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("6")
        monkeypatch.setattr(log, "timeline", counted)
        await pilot.press("up", "up", "down", "up")
        assert made.count(None) == 1, "all lines are counted once for all keys"
        assert "what happened, " in text(app)
        await pilot.press("home")
        assert "training begins" in text(app)
        await pilot.press("end")
        assert "finished: " in text(app)
