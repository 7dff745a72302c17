"""Where the time went, from events."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.reading.history import History
from dltui.core.reading.time_spent import Times, data_share, times
from tests.helpers.curve import curves


def history(**more: Any) -> History:
    """Two epochs of 3 s with evaluations of 1 s, ready after 5 s, and a pause of 2 s."""
    curve = next(curve for curve in curves() if curve.name == "fashion-softmax-augmented")
    made = History()
    clock = 5.0
    for record in curve._records(2, False):
        if record["type"] == "epoch_ended":
            record, clock = record | {"seconds": 3.0}, clock + 3
        elif record["type"] == "trained":
            record = record | {"seconds": 3.0, "data_seconds": 1.2} | more
        elif record["type"] == "evaluated":
            record, clock = record | {"seconds": 1.0}, clock + 1
        made.fold([{"attempt": 1, "time": 0.0, "elapsed": clock, **record}])
    made.fold([{"attempt": 1, "time": 0.0, "elapsed": clock + 2, "type": "log", "level": "info", "text": ""}])
    return made


def test_parts_add_up_to_the_time_at_work() -> None:
    found = times(history())
    assert found == Times(pytest.approx(2.4), pytest.approx(3.6), 2.0, pytest.approx(2.0))
    assert found.total == pytest.approx(10.0)
    assert found.shares() == pytest.approx({"data": 0.24, "compute": 0.36, "eval": 0.2, "wait": 0.2})


@pytest.mark.parametrize("unknown", [{"data_seconds": None}, {"data_seconds": "much"}])
def test_what_is_not_known_is_not_said(unknown: dict[str, Any]) -> None:
    found = history(**unknown)
    assert data_share(found) is None
    assert "data" not in times(found).shares()


def test_an_epoch_without_its_time_leaves_the_others_theirs() -> None:
    curve = next(curve for curve in curves() if curve.name == "fashion-softmax-augmented")
    made = History()
    for record in curve._records(2, False):
        known = record["type"] != "epoch_ended" or record["epoch"] > 1
        made.fold([{"attempt": 1, "time": 0.0, "elapsed": 0.0, **record} | ({} if known else {"seconds": None})])
    assert made.train_seconds == made.epochs[2].seconds > 0


def test_nothing_has_no_shares() -> None:
    assert times(History()).shares() == {}
