"""The metrics that people report, against scikit-learn, on random data with ties."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.regression import arithmetic
from dltui.core.tasks.scores import calibration, ranking
from dltui.core.tasks.scores.softmax import log_softmax
from dltui.core.train.metrics import MOST_EACH_EPOCH, report
from tests.helpers.late import sk

CLASSIFICATION = TASKS["classification"]


def _tied(seed: int, rows: int = 400, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Logits with many equal ones, and labels that they know something about."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    logits = np.round(generator.normal(size=(rows, classes)) * 2) / 2
    logits[np.arange(rows), labels] += generator.integers(0, 2, rows)
    return logits.astype(np.float32), labels


def _report(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    return CLASSIFICATION.arithmetic.report(logits, labels, CLASSIFICATION.names)


@pytest.mark.parametrize("seed", range(4))
def test_classification_agrees_with_scikit_learn(seed: int) -> None:
    logits, labels = _tied(seed)
    found, predicted = _report(logits, labels), logits.argmax(1)
    # Rounded as ours are not, sums of exponentials would break the ties of equal rows.
    probabilities = np.exp(log_softmax(logits))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, predicted))
    assert found["f1"] == pytest.approx(sk.f1_score(labels, predicted, average="macro"))
    areas = [sk.roc_auc_score(labels == c, probabilities[:, c]) for c in range(7)]
    precisions = [sk.average_precision_score(labels == c, probabilities[:, c]) for c in range(7)]
    assert found["auroc"] == pytest.approx(np.mean(areas))
    assert found["average_precision"] == pytest.approx(np.mean(precisions))
    # Of equal logits scikit-learn takes the higher class first, argmax the lower.
    turned = sk.top_k_accuracy_score(6 - labels, logits[:, ::-1], k=5, labels=range(7))
    assert found["top5_accuracy"] == pytest.approx(turned)


def test_auroc_is_that_of_scikit_learn_over_all_classes() -> None:
    generator = np.random.default_rng(1)
    logits, labels = generator.normal(size=(300, 5)).astype(np.float32), generator.integers(0, 5, 300)
    found = _report(logits, labels)
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(labels, np.exp(log_softmax(logits)), multi_class="ovr"))
    assert "top5_accuracy" not in found


def test_classes_that_are_missing_are_left_out() -> None:
    logits, labels = _tied(0)
    labels[labels == 3] = 2
    found, predicted = _report(logits, labels), logits.argmax(1)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        wanted = sk.balanced_accuracy_score(labels, predicted)
    assert found["balanced_accuracy"] == pytest.approx(wanted)
    assert found["f1"] == pytest.approx(sk.f1_score(labels, predicted, average="macro", zero_division=0))
    assert np.isfinite(found["auroc"])
    one = _report(logits, np.zeros_like(labels))
    assert np.isnan(one["auroc"])
    assert one["average_precision"] == 1.0


def test_one_sample_and_equal_scores() -> None:
    assert ranking.ranked(np.zeros(4), np.array([True, False, False, True])) == (0.5, 0.5)
    assert np.isnan(ranking.ranked(np.zeros(1), np.array([False]))).all()


def test_calibration_error_by_hand() -> None:
    generator = np.random.default_rng(0)
    confidence, right = generator.uniform(0, 1, 1000), generator.integers(0, 2, 1000).astype(bool)
    confidence[:5] = (1.0, 1 / 15, 2 / 15, 0.0, 1.0)
    wanted = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15) | ((confidence == 0) & (low == 0))
        wanted += inside.sum() * abs(confidence[inside].mean() - right[inside].mean()) / 1000
    assert calibration.bins(confidence, right).error == pytest.approx(wanted)
    assert np.isnan(calibration.bins(np.zeros(0), np.zeros(0, bool)).error)


@pytest.mark.parametrize("targets", [1, 3])
def test_regression_agrees_with_scikit_learn(targets: int) -> None:
    generator = np.random.default_rng(0)
    y = generator.normal(size=(200, targets))
    said = y + generator.normal(size=y.shape)
    found = TASKS["regression"].arithmetic.report(said, y, TASKS["regression"].names)
    assert found["r2"] == pytest.approx(sk.r2_score(y, said))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(y, said))
    np.testing.assert_allclose(arithmetic.r2(said, y), sk.r2_score(y, said, multioutput="raw_values"))
    same = np.ones_like(y)
    np.testing.assert_array_equal(arithmetic.r2(same, same), sk.r2_score(same, same, multioutput="raw_values"))
    np.testing.assert_array_equal(arithmetic.r2(said, same), sk.r2_score(same, said, multioutput="raw_values"))


def test_slow_metrics_of_large_splits_wait_for_the_end() -> None:
    rows = MOST_EACH_EPOCH // 2 + 1
    logits, labels = np.zeros((rows, 2), np.float32), np.arange(rows) % 2
    every = report("classification", logits, labels, "accuracy", final=False)
    assert set(every) == {"balanced_accuracy", "f1"}
    assert set(report("classification", logits, labels, "auroc", final=False)) == {*every, "auroc"}
    assert "calibration_error" in report("classification", logits, labels, "", final=True)
