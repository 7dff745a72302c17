"""The rows below the charts: what the curves say, why, which key helps, and where the time goes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dltui.core.analysis.verdict import Verdict, judge
from dltui.tui.cli.follow.live_view import metrics_table
from dltui.tui.draw.styled_text import cells, plain
from dltui.tui.run_page.metrics_table import VALUE, _metric, _short, _time, verdict_row
from tests.core.reading.test_history import Tape
from tests.helpers.curve import curves
from tests.tui.scenario import FakeServices, shown, text

OVERFITTING = Verdict(
    "overfitting", "validation loss 0.4094 to 0.5812, train loss 0.2648 to 0.02074", 8, "s", "stops; the best is kept"
)


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("curve", curves(), ids=lambda curve: curve.name)
def test_a_verdict_is_one_row_with_its_evidence(curve: object, width: int) -> None:
    verdict = judge(curve.history(curve.length, ended=True), curve.schedule)  # type: ignore[attr-defined]
    row = verdict_row(verdict, width)
    assert cells(row) == width
    (line,) = plain([row])
    if verdict is None:
        assert set(line) == {"─"}
    else:
        assert verdict.text in line
        assert verdict.evidence.split(",")[0].split(";")[0][:30] in line
        assert f"  {verdict.key} " in line


def test_what_does_not_fit_is_cut_between_words_and_the_key_stays() -> None:
    (narrow,), (wide,) = (plain([verdict_row(OVERFITTING, width)]) for width in (80, 200))
    assert narrow == " ▲ overfitting since epoch 8  validation loss 0.4094 to 0.5812, train…   s stop "
    assert "0.02074" in wide
    assert wide.endswith("  s stops; the best is kept ")


def test_how_far_a_run_is_is_no_warning() -> None:
    row = verdict_row(Verdict("too early to judge", "", bad=False), 80)
    assert not any("warn bold" in style for _, style in row)


def test_time_goes_first_where_most_of_it_goes() -> None:
    curve = next(curve for curve in curves() if curve.name == "fashion-softmax-augmented")
    line = "".join(text for text, _ in _time(curve.history(curve.length)))
    assert line.index("eval") < line.index("data") < line.index("compute")


def test_of_equal_epochs_the_runs_best_is_named() -> None:
    tape = Tape()
    tape.start()
    for epoch, best in ((1, True), (2, False), (3, True)):
        tape.epoch(epoch, 0.75, best=best)
    history = tape.fold()
    for split, name, epoch in (("validation", "accuracy", "3"), ("train", "loss", "1")):
        *_, (cell, _) = _metric(history, split, name, "")
        assert cell.strip() == epoch
        shown = Console(file=io.StringIO(), width=60)
        shown.print(metrics_table(history))
        (line,) = (line for line in shown.file.getvalue().splitlines() if split in line)  # type: ignore[attr-defined]
        assert line.split()[-1] == epoch


async def test_a_failed_run_says_why_and_what_to_try(services: FakeServices) -> None:
    async with shown(services, run="wild-moth") as (app, _):
        assert "▲ diverged  the loss is not a finite number at step 412" in text(app)
        assert "t tries lr 0.005" in text(app)


async def test_a_run_without_data_says_so(services: FakeServices) -> None:
    async with shown(services, run="dull-crab") as (app, _):
        assert "no data yet  the first steps are still to come" in text(app)


@pytest.mark.parametrize("value", [1.3671e7, -1.3671e7, 9999.1234, 2.624e-7, 0.1234, float("inf"), float("nan")])
def test_neighboring_numbers_do_not_touch(value: float) -> None:
    assert len(_short("loss", value)) < VALUE
    assert len(_short("accuracy", 1.0)) < VALUE


async def test_speed_and_time_of_an_ended_run_are_those_of_its_report(services: FakeServices) -> None:
    async with shown(services, (120, 40), run="bold-wren") as (app, _):
        assert "samples/s  mean of all epochs" in text(app)
        assert "10 epochs in 44 s, 40 s of it training" in text(app)
