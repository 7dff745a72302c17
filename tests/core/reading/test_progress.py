"""The time left: training, the evaluations and the test's, and nothing before it is known well enough."""

from __future__ import annotations

import json

import pytest

from dltui.core.reading.history import History
from dltui.core.reading.progress import seconds_left
from tests.helpers.curve import Curve, curves


def trained(sizes: dict[str, int], epochs: int, evaluated: int, evaluation: float = 2.0) -> History:
    """A run of 10 epochs of 10 steps, 3 s each; so many are trained, of so many the evaluation is known."""
    found = json.loads(json.dumps(next(curve.run for curve in curves() if curve.name == "digits-softmax")))
    found |= {"epochs": 10, "steps_per_epoch": 10, "sizes": sizes}
    found["rows"] = [[1.0, 0.5, 1.0, 0.5, 3.0, evaluation]] * epochs
    history = History()
    for record in Curve("made", "", "", [], found)._records(epochs, False):
        if record["type"] != "evaluated" or record["epoch"] <= evaluated:
            history.fold([{"attempt": 1, "time": 0.0, "elapsed": 0.0, **record}])
    return history


def test_evaluations_and_the_test_are_counted() -> None:
    history = trained({"train": 900, "validation": 100, "test": 200}, 4, 4)
    assert seconds_left(history, 40) == pytest.approx(6 * 3 + 6 * 2 + 2 * 2)


def test_an_evaluation_that_is_going_on_is_still_to_come() -> None:
    history = trained({"train": 900, "validation": 100, "test": 0}, 4, 3)
    assert seconds_left(history, 40) == pytest.approx(6 * 3 + 7 * 2)


def test_the_first_evaluation_is_guessed_where_the_split_is_small() -> None:
    history = trained({"train": 900, "validation": 90, "test": 0}, 1, 0)
    assert seconds_left(history, 10) == pytest.approx(9 * 3 + 10 * 0.1)


def test_the_first_evaluation_is_waited_for_where_the_split_is_large() -> None:
    sizes = {"train": 600, "validation": 5400, "test": 1000}
    assert seconds_left(trained(sizes, 1, 0), 10) is None
    assert seconds_left(trained(sizes, 1, 1), 10) is not None
