"""At which epoch a metric was best: by its direction, with ties as the run decided them, and never at NaN."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.analysis.measures.best_value import best_value

EPOCHS = {
    1: {"accuracy": 0.5, "loss": 0.9, "effort": 0.4},
    2: {"accuracy": 0.8, "loss": 0.5, "effort": 0.2},
    3: {"accuracy": 0.8, "loss": math.nan},
    4: {"accuracy": 0.7, "loss": 0.5, "effort": 0.3},
}


def history(metric: str, mode: str, best: int) -> Any:
    records = {epoch: SimpleNamespace(train=values, validation=values, epoch=epoch) for epoch, values in EPOCHS.items()}
    return SimpleNamespace(epochs=records, monitor={"metric": metric, "mode": mode}, best=records.get(best))


@pytest.mark.parametrize(
    ("split", "name", "best", "found"),
    [
        ("validation", "accuracy", 3, (3, 0.8)),
        ("train", "accuracy", 3, (2, 0.8)),
        ("validation", "accuracy", 0, (2, 0.8)),
        ("validation", "loss", 4, (4, 0.5)),
        ("validation", "loss", 3, (2, 0.5)),
        ("validation", "effort", 3, (2, 0.2)),
    ],
)
def test_ties_are_as_the_run_decided_them(split: str, name: str, best: int, found: tuple[int, float]) -> None:
    assert best_value(history("accuracy", "max", best), split, name) == found


def test_the_monitor_says_what_is_best_of_its_metric() -> None:
    assert best_value(history("effort", "max", 1), "validation", "effort") == (1, 0.4)


def test_a_metric_that_was_never_a_number_has_no_best() -> None:
    epoch, value = best_value(history("accuracy", "max", 3), "validation", "recall")
    assert epoch == 0
    assert math.isnan(value)
