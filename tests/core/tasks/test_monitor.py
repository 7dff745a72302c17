"""The choice of the metric that decides which epoch is best, and what is refused before there is a run."""

from __future__ import annotations

import pytest

from dltui.core.errors import UsageError
from dltui.core.tasks.monitor import Monitor, check_monitor, choose_monitor


@pytest.mark.parametrize(
    ("asked", "metric", "mode"),
    [
        ("validation.f1", "f1", "max"),
        ("auroc", "auroc", "max"),
        ("validation.calibration_error", "calibration_error", "min"),
        ("-validation.f1", "f1", "min"),
        ("loss", "loss", "min"),
    ],
)
def test_the_users_choice_comes_before_the_models(asked: str, metric: str, mode: str) -> None:
    check_monitor(asked, "classification", False)
    assert choose_monitor("classification", asked, "-accuracy") == Monitor(metric, "validation", mode)
    assert choose_monitor("classification", "", "-accuracy") == Monitor("accuracy", "validation", "min")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("validation.acuracy", "monitor validation.acuracy: no such metric; did you mean accuracy"),
        ("wer", "monitor wer: no such metric; classification has loss, accuracy, top5_accuracy"),
        ("test.f1", "monitor test.f1: the best epoch is chosen on the validation split, such as validation.accuracy"),
        ("mse", "no such metric"),
        ("top5_accuracy", "needs more than 5 classes, the data has 3"),
        ("\x1b[2Jf1", "no such metric"),
    ],
)
def test_wrong_names_are_refused(asked: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        check_monitor(asked, "classification", False, 3)
    assert "\x1b" not in str(caught.value)


def test_a_models_own_metrics_may_have_any_valid_name() -> None:
    check_monitor("-wer", "classification", True)
    with pytest.raises(UsageError, match="no such metric"):
        check_monitor("Wer!", "classification", True)


@pytest.mark.parametrize("own", [True, False])
def test_a_metric_that_few_classes_do_not_have_is_no_monitor(own: bool) -> None:
    """It would never have a value, and the first epoch would be the best."""
    with pytest.raises(UsageError, match="needs more than 5 classes, the data has 4"):
        check_monitor("top5_accuracy", "classification", own, classes=4)
    check_monitor("top5_accuracy", "classification", own, classes=6)
