"""A run as it was is what a reader would have seen then; old points that are merged keep what matters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dltui.core.reading.history import History
from dltui.core.reading.points import Points
from dltui.core.rundir.events import Trained
from tests.core.reading.test_history import STEPS, Tape


def tape() -> Tape:
    made = Tape()
    made.start()
    for epoch in range(1, 5):
        first = (epoch - 1) * STEPS + 1
        steps = list(range(first, first + STEPS))
        values = [1.0 / step for step in steps]
        made.add(Trained(epoch, steps, values, values, values, {"accuracy": values}, [0.1] * STEPS, 1.0, 100.0))
        made.epoch(epoch, 0.5 + epoch / 10)
    return made


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_it_is_the_history_of_the_log_cut_there(epochs: int) -> None:
    whole = tape()
    records = whole.records
    ends = [number for number, record in enumerate(records) if record["type"] == "checkpoint_saved"]
    cut = History()
    cut.fold(records[: ends[epochs - 1] + 1] if epochs else records[:1])
    past = whole.fold().as_of(epochs * STEPS)
    assert [list(column) for column in past.points.columns()] == [list(column) for column in cut.points.columns()] or (
        not epochs and len(past.points) == 0
    )
    assert past.epochs == cut.epochs
    assert (past.best, past.step) == (cut.best, cut.step)
    assert past.checkpoints == cut.checkpoints


def test_the_history_itself_stays_as_it_is() -> None:
    history = tape().fold()
    steps, epochs = len(history.points), dict(history.epochs)
    history.as_of(5).epochs.clear()
    assert (len(history.points), history.epochs) == (steps, epochs)
    assert history.as_of(math.inf).epochs == epochs


def test_a_copy_stays_as_it_is_while_the_history_goes_on() -> None:
    made = tape()
    history = made.fold()
    kept = history.copy()
    steps, epochs, checkpoints = list(kept.points.steps), dict(kept.epochs), list(kept.checkpoints)
    more = Tape()
    more.start()
    more.epoch(5, 0.9)
    history.fold(more.records)
    assert (len(history.epochs), len(history.checkpoints)) != (len(epochs), len(checkpoints))
    assert (list(kept.points.steps), kept.epochs, kept.checkpoints) == (steps, epochs, checkpoints)


def points(count: int) -> Points:
    made = Points()
    loss = [1.0 + 1.0 / step for step in range(1, count + 1)]
    for first in range(0, count, 500):
        part = loss[first : first + 500]
        made.add(
            {
                "steps": list(range(first + 1, first + len(part) + 1)),
                "loss": part,
                "loss_min": part,
                "loss_max": [value + 50.0 * (first + at == 777) for at, value in enumerate(part)],
                "lr": [0.1] * len(part),
                "metrics": {"accuracy": [0.5] * len(part)},
                "time": 1000.0 + first,
                "seconds": 0.5,
            }
        )
    return made


def test_merged_points_keep_the_spike_the_mean_and_the_newest() -> None:
    made, whole = points(20_000), points(20_000)
    made.compact(4_000)
    assert len(made) <= 2_500
    assert len({len(column) for column in made.columns()}) == 1
    assert max(made.loss_max) == max(whole.loss_max) > 50
    assert list(made.steps[-1_000:]) == list(whole.steps[-1_000:])
    assert np.all(np.diff(np.asarray(made.steps)) > 0)
    weights = np.diff(np.asarray(made.steps), prepend=0)
    assert np.average(np.asarray(made.loss), weights=weights) == pytest.approx(np.mean(np.asarray(whole.loss)))


@pytest.mark.parametrize("start", [0, 5_000])
def test_the_first_of_the_merged_points_weighs_as_many_steps_as_it_stands_for(start: int) -> None:
    made, history = Tape(), History(2_000)
    made.start(start)
    for first in range(0, 20_000, 500):
        steps = list(range(start + first + 1, start + first + 501))
        loss = [float(step - start) for step in steps]
        made.add(Trained(1, steps, loss, loss, loss, {}, loss, 1.0, 100.0))
    history.fold(made.records)
    last = history.points.steps[0] - start
    assert last > 50
    assert history.points.loss[0] == pytest.approx((last + 1) / 2)


def test_merging_again_and_again_stays_bounded_and_few_points_stay() -> None:
    made = points(2_000)
    made.compact(4_000)
    made.compact(40_000)
    assert len(made) == 2_000 or len(made) < 2_000
    large = points(20_000)
    for _ in range(5):
        large.compact(2_000)
        assert len(large) <= 1_500
    assert max(large.loss_max) > 50
