"""Epochs, steps and time in training: of runs without a point, of several attempts, by a clock that was set back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dltui.core.reading.history import History
from dltui.tui.draw.run_charts.axis import Axis, axis_of, clock
from dltui.tui.run_page.curves.curve_view import AXES, AxisName
from tests.core.reading.test_history import STEPS, Tape


def trained(epochs: int) -> History:
    """Of five planned epochs of ten steps, each a second after what was logged before."""
    tape = Tape()
    tape.start()
    for epoch in range(1, epochs + 1):
        tape.epoch(epoch, 0.5)
    return tape.fold()


@pytest.mark.parametrize("name", AXES)
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_it_rises_from_nought_to_the_planned_end(name: AxisName, epochs: int) -> None:
    axis = axis_of(trained(epochs), name)
    x = axis.of(range(5 * STEPS + 1))
    assert x[0] == 0.0
    assert np.all(np.diff(x) > 0)
    assert len(axis.of([])) == 0


def test_steps_and_epochs_are_what_they_say() -> None:
    assert axis_of(trained(1), "steps").at(17) == 17.0
    assert axis_of(trained(1), "epochs").at(25) == 2.5
    assert axis_of(trained(1), "epochs").at(100) == 10.0, "a longer run that is laid over goes on beyond the end"


@pytest.mark.parametrize(
    ("seconds", "unit", "end"), [(119, "seconds", 119.0), (120, "minutes", 2.0), (7200, "hours", 2.0)]
)
def test_the_unit_goes_with_the_length(seconds: float, unit: str, end: float) -> None:
    history = trained(5)
    began = history.starts[0][1]
    history.points.time[-STEPS:] = type(history.points.time)("d", [began + seconds] * STEPS)
    axis = axis_of(history, "time")
    assert (axis.name, axis.at(50)) == (unit, pytest.approx(end))


def test_the_end_is_as_told_else_at_the_pace_so_far() -> None:
    spent = axis_of(trained(1), "time").at(STEPS)
    assert axis_of(trained(1), "time").at(50) == pytest.approx(5 * spent)
    assert axis_of(trained(1), "time", left=19.0).at(50) == pytest.approx(20.0)
    assert axis_of(trained(1), "time", left=0.0).at(50) > spent


def test_no_point_yet() -> None:
    steps, seconds = clock(trained(0))
    assert (steps.tolist(), seconds.tolist()) == ([0.0], [0.0])


def test_the_time_between_two_attempts_does_not_count() -> None:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    for record in tape.records:
        record["time"] -= 1_000_000.0
    tape.start(step=STEPS)
    tape.epoch(2, 0.6)
    steps, seconds = clock(tape.fold())
    assert steps.tolist() == [0.0, STEPS, 2 * STEPS]
    assert seconds.tolist() == [0.0, 1.0, 2.0]


def test_training_never_goes_back_in_time() -> None:
    tape = Tape()
    tape.start()
    for epoch in range(1, 4):
        tape.epoch(epoch, 0.5)
    for record in tape.records[5:]:
        record["time"] -= 3600.0
    _, seconds = clock(tape.fold())
    assert np.all(np.diff(seconds) >= 0)


def test_a_run_of_one_step() -> None:
    history = trained(0)
    assert history.attempt is not None
    history.attempt = replace(history.attempt, total_steps=0, steps_per_epoch=0)
    assert [axis_of(history, name).at(1) for name in AXES] == [1.0, 1.0, 1.0]


def test_between_two_times_it_is_a_straight_line() -> None:
    axis = Axis("seconds", np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 5.0]))
    assert axis.of([5, 15, 99]).tolist() == [0.5, 3.0, 5.0]


def test_both_ends_may_be_one_step() -> None:
    axis = Axis("seconds", np.array([7.0, 7.0]), np.array([0.0, 3.0]))
    assert np.all(np.isfinite(axis.of([7.0, 8.0])))
    assert axis.at(7) == axis.of([7.0])[0]
