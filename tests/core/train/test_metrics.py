"""Metrics in numpy, checked against scikit-learn and by hand."""

import math
from typing import Any

import numpy as np
import pytest

from dltui.core.errors import RunError
from dltui.core.tasks.classification.arithmetic import answers
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.tasks.scores.softmax import log_softmax, sigmoid
from dltui.core.train.metrics import measure, own_metrics, running_sum
from tests.helpers.late import sk


def test_classification_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(200, 7)).astype(np.float32)
    labels = generator.integers(0, 7, 200)
    found = measure("classification", logits, labels)
    assert found["accuracy"] == sk.accuracy_score(labels, logits.argmax(1))
    assert found["loss"] == pytest.approx(sk.log_loss(labels, np.exp(log_softmax(logits)), labels=range(7)))


def test_huge_logits_do_not_overflow() -> None:
    found = measure("classification", np.array([[1e30, -1e30]], dtype=np.float32), np.array([0]))
    assert found == {"loss": 0.0, "accuracy": 1.0}


def test_small_chances_of_labels_keep_their_digits() -> None:
    logits = np.array([-800.0, -60.0, -38.0, 0.0, 38.0, 800.0], np.float32)
    assert sigmoid(logits).tolist() == pytest.approx(
        [0.0, np.exp(-60.0), np.exp(-38.0), 0.5, 1.0, 1.0], rel=1e-12, abs=0
    )
    close = np.array([-24.0, np.nextafter(np.float32(-24), np.float32(0))], np.float32)
    assert len(set(sigmoid(close).tolist())) == 2, "what differs as a logit differs as a chance"


def test_in_a_tie_the_lower_class_is_named_first() -> None:
    """As argmax does, also where logits that differ have equal probabilities."""
    outputs = np.zeros((2, 40), np.float32)
    outputs[0, 7:30] = 5.0
    outputs[1, :2] = 1e-17, 2e-17
    classes = [str(number) for number in range(40)]
    named = [[one["class"] for one in answer["best"]] for answer in answers(outputs, classes)]
    assert named == [["7", "8", "9"], ["1", "0", "2"]]
    (first, _) = answers(outputs, classes)
    assert first["best"][0]["probability"] == pytest.approx(1 / (23 + 17 * np.exp(-5)))


def test_regression_is_the_mean_squared_error() -> None:
    found = measure("regression", np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]))
    assert found == {"loss": 5.0, "mse": 5.0}


def test_running_sum_does_not_depend_on_the_cuts() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32) * 1e6
    whole = running_sum(0.0, values)
    for cut in (1, 13, 500, 999):
        assert running_sum(running_sum(0.0, values[:cut]), values[cut:]) == whole


def test_only_a_better_value_is_better() -> None:
    accuracy, loss = choose_monitor("classification"), choose_monitor("regression")
    assert accuracy.better(0.5, None)
    assert not accuracy.better(0.5, 0.5)
    assert accuracy.better(0.6, 0.5)
    assert loss.better(0.4, 0.5)
    assert not loss.better(0.5, 0.5)


def test_of_equal_values_the_lower_loss_is_best_and_else_the_earlier() -> None:
    accuracy, loss = choose_monitor("classification"), choose_monitor("regression")
    assert accuracy.beats(0.5, 1.0, None, None)
    assert accuracy.beats(0.6, 9.0, 0.5, 1.0)
    assert accuracy.beats(0.5, 0.9, 0.5, 1.0)
    assert not accuracy.beats(0.5, 1.0, 0.5, 1.0)
    assert not accuracy.beats(0.5, 1.1, 0.5, 1.0)
    assert not accuracy.beats(0.4, 0.1, 0.5, 1.0)
    assert not accuracy.beats(math.nan, 0.1, 0.5, 1.0)
    assert accuracy.beats(math.nan, 0.1, math.nan, 1.0), "without any value the loss decides"
    assert not accuracy.beats(math.nan, 1.0, math.nan, 1.0)
    assert not loss.beats(0.5, 0.5, 0.5, 0.5)
    assert not accuracy.beats(0.5, 0.1, 0.5, None), "the loss of an older version's best is not known"


def test_a_models_own_metrics_stand_beside_ours() -> None:
    outputs, targets = np.eye(3, dtype=np.float32), np.arange(3)
    assert own_metrics(lambda o, t: {"top1": np.float32(1)}, outputs, targets, {"loss"}) == {"top1": 1.0}


def test_an_own_metric_that_is_infinite_is_none() -> None:
    """Logs and checkpoints hold no infinity: the run and its readers would take different epochs for the best."""
    found = own_metrics(lambda o, t: {"psnr": math.inf, "snr": -math.inf}, np.eye(3), np.arange(3), {"loss"})
    assert [math.isnan(value) for value in found.values()] == [True, True]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": 1.0}, "metric loss needs another name: dltui measures loss itself"),
        ({"top 1\x1b": 1.0}, "needs another name"),
        ({"top1": "good"}, "gave str, not a number"),
    ],
)
def test_own_metrics_that_are_none_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(RunError, match=words):
        own_metrics(lambda o, t: given, np.eye(3), np.arange(3), {"loss"})
