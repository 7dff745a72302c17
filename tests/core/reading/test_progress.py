"""The time left: training, the evaluations and the test's, and nothing before it is known well enough."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dltui.core.reading.history import History
from dltui.core.reading.progress import seconds_left
from tests.helpers.curve import Curve, curves

SIZES = {"train": 900, "validation": 100, "test": 200}


def records(
    sizes: dict[str, int], epochs: int, evaluated: int, evaluation: float = 2.0, **start: Any
) -> list[dict[str, Any]]:
    """The log of a run of 10 epochs of 10 steps, 3 s each; so many are trained, of so many the evaluation is known.
    `start` changes the start of its attempt.
    """
    found = json.loads(json.dumps(next(curve.run for curve in curves() if curve.name == "digits-softmax")))
    found |= {"epochs": 10, "steps_per_epoch": 10, "sizes": sizes}
    found["rows"] = [[1.0, 0.5, 1.0, 0.5, 3.0, evaluation]] * epochs
    made = Curve("made", "", "", [], found)._records(epochs, False)
    made[0] |= start
    return [record for record in made if record["type"] != "evaluated" or record["epoch"] <= evaluated]


def folded(*told: dict[str, Any]) -> History:
    history = History()
    for record in told:
        history.fold([{"attempt": 1, "time": 0.0, "elapsed": 0.0, **record}])
    return history


def trained(sizes: dict[str, int], epochs: int, evaluated: int, evaluation: float = 2.0, **start: Any) -> History:
    return folded(*records(sizes, epochs, evaluated, evaluation, **start))


def test_evaluations_and_the_test_are_counted() -> None:
    history = trained(SIZES, 4, 4)
    assert seconds_left(history, 40) == pytest.approx(6 * 3 + 6 * 2 + 2 * 2)


@pytest.mark.parametrize(
    ("config", "tests"), [({}, 1), ({"test": False}, 0), ({"mirror_test": True}, 2), ({"test": True}, 1)]
)
def test_the_test_is_counted_as_often_as_it_is_done(config: dict[str, bool], tests: int) -> None:
    history = trained(SIZES, 4, 4, config=config)
    assert seconds_left(history, 40) == pytest.approx(6 * 3 + 6 * 2 + tests * 2 * 2)


def test_a_resumed_first_epoch_goes_on_at_the_pace_of_all_of_its_steps() -> None:
    start, trained_steps, *_ = records({**SIZES, "test": 0}, 1, 0)
    first = {**start, "total_steps": 10_000, "steps_per_epoch": 10_000, "epochs": 1}
    again = {**first, "start_step": 1000, "attempt": 2}
    history = folded(first, {**trained_steps, "steps": [1000], "seconds": 1000.0}, again)
    evaluation = 10_000 * 100 / 900 / 3
    assert seconds_left(history, 1000) == pytest.approx(9000 + evaluation)
    history.fold([{"attempt": 2, "time": 0.0, "elapsed": 0.0, **trained_steps, "steps": [1010], "seconds": 10.0}])
    assert seconds_left(history, 1010) == pytest.approx(8990 + evaluation)


def test_a_fork_that_goes_on_from_its_parents_epoch_has_only_its_own_to_come() -> None:
    start, *epochs = records({**SIZES, "test": 0}, 7, 7, start_step=50, start_epoch=5)
    own = [record for record in epochs if record["epoch"] > 5]
    assert seconds_left(folded(start, *own), 70) == pytest.approx(3 * 3 + 3 * 2)
    # The last evaluation is going on.
    assert seconds_left(folded(start, *own[:-1]), 70) == pytest.approx(3 * 3 + 4 * 2)
    # In its first epoch an evaluation is guessed.
    begun = {**own[0], "steps": [55], "seconds": 2.5}
    assert seconds_left(folded(start, begun), 55) == pytest.approx(45 * 0.5 + 5 * 0.5 * 10 * 100 / 900 / 3)


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
