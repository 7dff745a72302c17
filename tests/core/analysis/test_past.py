"""What a worker keeps of each epoch, and what a replay makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.analysis.past import LatestPast
from dltui.core.contract import Split
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import notes
from dltui.core.train import predictions
from dltui.core.train.seen import MISTAKES, Seen, is_kept
from tests.helpers.sample_run import STEPS, make_sample_run


@pytest.fixture
def reader(tmp_path: Path) -> RunReader:
    found = RunReader(make_sample_run(tmp_path, epochs=3, seen=True))
    found.refresh()
    return found


def arrays(seed: int = 0, classes: int = 4, side: int = 8) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, 60)
    x = random.integers(0, 255, (60, side, side, 1), dtype=np.uint8)
    logits = random.normal(size=(60, classes)).astype(np.float32)
    return predictions.collect("classification", logits, Split(x, y, np.arange(60) * 3), "validation", 1)


def test_a_long_run_keeps_few_epochs_and_a_short_one_all() -> None:
    assert all(is_kept(epoch) for epoch in range(1, 129))
    assert sum(is_kept(epoch) for epoch in range(129, 257)) == 64
    assert sum(is_kept(epoch) for epoch in range(1, 10_001)) < 600


def test_an_image_is_kept_once_and_the_matrix_counts_all() -> None:
    seen = Seen()
    first, again = (seen.record(arrays(), epoch, epoch * 10) for epoch in (1, 2))
    assert first is not None
    assert again is not None
    assert sum(first["counts"]) == 60
    assert len(first["images"]["new"]) == len(first["mistakes"]) == MISTAKES
    assert again["images"]["new"] == {}
    assert json.loads(json.dumps(first)) == first


def test_nothing_is_kept_of_many_classes_or_of_numbers() -> None:
    assert Seen().record(arrays(classes=500), 1, 1) is None
    assert Seen().record({"prediction": np.zeros(3)}, 1, 1) is None


def test_each_epoch_comes_back_as_it_was(reader: RunReader) -> None:
    past = LatestPast(reader)
    found = past.look()
    assert past.look() is found
    wrong = []
    for epoch in (1, 2, 3):
        one = found.of(reader.history.as_of(epoch * STEPS))
        assert one is not None
        assert (one.matrix.epoch, one.matrix.total, one.mistakes.total) == (epoch, 1000, 1000)
        assert one.mistakes.wrong == 1000 - one.matrix.right
        assert one.matrix.classes[0] == "T-shirt/top"
        assert one.mistakes.images.shape == (MISTAKES, 28, 28, 1)
        assert {mistake.true == mistake.said for mistake in one.mistakes.all} == {False}
        wrong.append(one.mistakes.wrong)
    assert wrong == sorted(wrong, reverse=True)
    assert found.of(reader.history.as_of(STEPS - 1)) is None


def test_what_a_later_attempt_did_again_counts(reader: RunReader) -> None:
    record = Seen().record(arrays(), 2, 2 * STEPS)
    assert record is not None
    notes.append_epoch(reader.directory.predictions_dir, record, 2)
    found = LatestPast(reader).look().of(reader.history.as_of(2 * STEPS))
    assert found is not None
    assert found.matrix.total == 60
    # One of another step is of a past that no longer counts: the epoch before it is shown.
    notes.append_epoch(reader.directory.predictions_dir, record | {"step": 7}, 3)
    found = LatestPast(reader).look().of(reader.history.as_of(2 * STEPS))
    assert found is not None
    assert found.matrix.epoch == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": [10**9]},
        {"size": 10**6},
        {"size": 0},
        {"mistakes": [[1, 2, [3]]]},
        {"mistakes": 3},
        {"images": {"shape": [10**4, 10**4, 3], "new": {}}},
        {"images": {"shape": [28, 28, 1], "new": {"21": "AAAA"}}},
        {"images": 7},
        {"counts": "many"},
    ],
)
def test_a_damaged_record_is_none_or_without_images(reader: RunReader, wrong: dict[str, Any]) -> None:
    record = Seen().record(arrays(), 3, 3 * STEPS)
    assert record is not None
    notes.append_epoch(reader.directory.predictions_dir, {**record, **wrong}, 2)
    found = LatestPast(reader).look().of(reader.history.as_of(3 * STEPS))
    assert found is None or not len(found.mistakes.images) or "images" in wrong


def test_a_line_that_was_not_completed_costs_only_itself(reader: RunReader) -> None:
    path = reader.directory.predictions_dir / notes.EPOCHS
    path.write_bytes(path.read_bytes()[:-20])
    record = Seen().record(arrays(), 1, STEPS)
    assert record is not None
    notes.append_epoch(path.parent, record, 2)
    assert sorted(LatestPast(reader).look().records) == [1, 2]
