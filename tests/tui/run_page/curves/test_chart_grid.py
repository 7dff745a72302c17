"""The charts of a run fill their room exactly, whatever there is to draw and however little room there is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Evaluated, Trained
from dltui.tui.base.overlays import Overlaid
from dltui.tui.base.summary import Summary
from dltui.tui.draw.chart import NO_NUMBER
from dltui.tui.draw.styled_text import Look, cells, plain
from dltui.tui.run_page.curves.chart_grid import chart_grid, layout, moment, plot_width, visible
from dltui.tui.run_page.curves.curve_view import AXES, CurveView
from dltui.tui.run_page.curves.curves import NOTE, names
from dltui.tui.run_page.view import RunView
from tests.core.reading.test_history import STEPS, Tape

SUMMARY = Summary(RunDirectory(Path("/r")), "r", "r", "running", epochs=5)
LOOKS = (Look(), Look(mono=True), Look(ascii=True, mono=True))


def view(tape: Tape | None) -> RunView:
    history = (tape or Tape()).fold()
    fields: dict[str, Any] = dict.fromkeys(field for field in RunView.__dataclass_fields__)
    return RunView(**fields | {"summary": SUMMARY, "asked": {"task": "classification"}, "history": history})


def steps(values: list[float], *names: str) -> Tape:
    """A run that has logged these values as its loss, and as each metric named."""
    tape = Tape()
    tape.start()
    if values:
        numbers = list(range(1, len(values) + 1))
        tape.add(
            Trained(1, numbers, values, values, values, dict.fromkeys(names, values), [0.1] * len(values), 1.0, 9.0)
        )
    return tape


def epoch() -> Tape:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    return tape


RUNS = {
    "no-attempt": None,
    "no-point": steps([]),
    "one-point": steps([0.5]),
    "one-epoch": epoch(),
    "nan-only": steps([math.nan] * STEPS, "accuracy"),
    "infinite": steps([1.0, math.inf, -math.inf, 2.0]),
    "nought": steps([0.0] * STEPS, "f1"),
}


@pytest.mark.parametrize("size", [(1, 1), (16, 5), (38, 10), (60, 21), (200, 40)], ids=str)
@pytest.mark.parametrize("run", RUNS)
def test_it_fills_its_room(run: str, size: tuple[int, int]) -> None:
    for number, look in enumerate(LOOKS):
        curve_view = CurveView(
            log=number == 1, axis=AXES[number], alone=number == 2, cursor=1.0, smoothing=0.9 * (number > 0)
        )
        drawn = chart_grid(view(RUNS[run]), curve_view, (), *size, look)
        assert [cells(row) for row in drawn] == [size[0]] * size[1]


def test_before_the_first_step_and_where_there_is_no_number() -> None:
    def said(run: str) -> str:
        return "\n".join(plain(chart_grid(view(RUNS[run]), CurveView(), (), 80, 11, Look())))

    assert NOTE in said("no-attempt")
    assert NOTE in said("no-point")
    assert NO_NUMBER in said("nan-only")
    assert NOTE not in said("nan-only")


def test_a_part_that_is_not_trained_yet_is_not_called_the_beginning() -> None:
    shown = "\n".join(plain(chart_grid(view(RUNS["one-epoch"]), CurveView(span=(40.0, 50.0)), (), 80, 11, Look())))
    assert NO_NUMBER in shown


def test_a_run_of_which_nothing_is_known_is_not_laid_over() -> None:
    young = Overlaid("young", "young", Tape().fold())
    other = Overlaid("other", "other", epoch().fold())
    curve_view = CurveView(others=("young", "other"))
    shown = "\n".join(plain(chart_grid(view(RUNS["one-epoch"]), curve_view, (young, other), 120, 12, Look())))
    assert "other" in shown
    assert "young" not in shown


@given(st.integers(1, 12), st.integers(1, 300), st.integers(1, 80))
def test_the_layout_fits(count: int, width: int, height: int) -> None:
    columns, rows = layout(count, width, height)
    assert columns == 1 or width // columns >= 38
    assert rows == 1 or height // rows >= 10
    roomy = max(width // 38, 1) * max(height // 10, 1) >= count
    assert columns * rows >= count or not roomy


@given(st.integers(1, 12), st.integers(-3, 30), st.integers(1, 300), st.integers(1, 80), st.booleans())
def test_the_chosen_chart_is_among_those_that_are_shown(
    count: int, chosen: int, width: int, height: int, alone: bool
) -> None:
    curve_view = CurveView(chart=chosen, alone=alone)
    shown, columns = visible(curve_view, count, width, height)
    assert chosen % count in shown
    assert 0 <= shown[0] <= shown[-1] < count
    assert len(shown) == 1 or not alone
    assert 1 <= plot_width(curve_view, count, width, height) <= max(width // columns, 1)


def test_a_chosen_chart_stands_out_where_there_are_several() -> None:
    drawn = chart_grid(view(RUNS["one-epoch"]), CurveView(chart=1), (), 80, 11, Look())
    assert [text.strip() for text, style in drawn[0] if "accent" in style] == ["accuracy %"]
    alone = chart_grid(view(RUNS["one-epoch"]), replace(CurveView(chart=1), alone=True), (), 80, 11, Look())
    assert "accuracy %" in plain(alone)[0]
    assert "loss" not in plain(alone)[0]


def test_charts_are_drawn_again_when_a_quarter_of_a_dot_is_new_or_a_second_has_passed() -> None:
    """Of 100 steps a plot of 140 dots shows each in more than a dot; of a million, many in a quarter of one."""
    few, many = view(steps([0.5] * 3)), view(steps([0.5] * 3))
    assert many.history.attempt is not None
    many.history.attempt = replace(many.history.attempt, total_steps=1_000_000)

    def trained(of: RunView, seconds: float) -> bool:
        """Whether one more step, so much later, is drawn."""
        before = moment(of, CurveView(), 80, 20)
        last = of.history.points.steps[-1]
        of.history.fold(
            [
                {
                    "type": "trained",
                    "attempt": 1,
                    "time": of.history.last_time + seconds,
                    "elapsed": 9.0,
                    **{name: [0.5] for name in ("loss", "loss_min", "loss_max", "lr")},
                    "steps": [last + 1],
                    "metrics": {},
                    "seconds": 1.0,
                    "epoch": 1,
                }
            ]
        )
        assert of.history.points.steps[-1] == last + 1
        return moment(of, CurveView(), 80, 20) != before

    assert trained(few, 0.0)
    assert not trained(many, 0.0)
    assert trained(many, 1.0)


def test_charts_are_drawn_again_when_anything_else_happens() -> None:
    before, tape = view(steps([0.5])), epoch()
    known = moment(before, CurveView(), 80, 20)
    for record in tape.records:
        if record["type"] not in ("attempt_started", "trained"):
            # Within the same second, which would be a reason of its own.
            before.history.fold([record | {"time": before.history.last_time}])
            known, last = moment(before, CurveView(), 80, 20), known
            assert known != last, record["type"]
    ended = replace(before, summary=replace(SUMMARY, status="failed"))
    assert moment(before, CurveView(), 80, 20) != moment(ended, CurveView(), 80, 20)
    assert moment(before, CurveView(), 80, 20) != moment(before, CurveView(recent=True), 80, 20)


def test_further_metrics_are_drawn_where_they_are_asked_for() -> None:
    tape = epoch()
    tape.add(Evaluated("validation", 1, STEPS, {"loss": 1.0, "accuracy": 0.5}, 0.1, True, {"f1": 0.4, "auroc": 0.9}))
    shown = view(tape)
    assert names(shown) == ("loss", "accuracy")
    assert names(shown, more=True) == ("loss", "accuracy", "f1", "auroc")
    drawn = chart_grid(shown, CurveView(more=True), (), 160, 30, Look())
    assert any("AUROC" in line for line in plain(drawn))
