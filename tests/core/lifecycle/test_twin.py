"""Twins: equal starts, what is measured, and what the comparison says."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.catalog.entries import Catalog, ModelEntry
from dltui.core.contract import Data, Spec, Split
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import twin
from dltui.core.reading.history import EpochRecord
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.train import predictions
from dltui.core.train.plan import Planner
from dltui.core.worker import twin_record
from tests.fakes.fake_plugin import NumpyTrainable, SoftmaxConfig, build


def make_data(rows: int = 120) -> Data:
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        x = random.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
        return Split(x, random.integers(0, 3, count), np.arange(count))

    spec = Spec("classification", (4, 4, 1), 3, tuple("abc"), (127.5,), (74.0,))
    return Data("noise", spec, split(rows), split(20), split(1300), "f")


def trainable(data: Data, seed: int) -> NumpyTrainable:
    config = SoftmaxConfig(seed=seed)
    return NumpyTrainable(build(config, data.spec), config, data)


def test_the_second_begins_with_the_weights_of_the_first(tmp_path: Path) -> None:
    data = make_data()
    one, other = trainable(data, 1), trainable(data, 2)
    twin_record.begin(one, data, tmp_path / "one", {"start": None})
    started = twin_record.begin(other, data, tmp_path / "other", {"start": str(tmp_path / "one" / twin_record.START)})
    assert np.array_equal(started.state()["weights/dense/kernel"], one.state()["weights/dense/kernel"])
    with np.load(tmp_path / "other" / twin_record.MEASURED) as arrays:
        assert arrays["logits"].shape == (1000, 3)
        assert np.array_equal(arrays["logits"], one.predict("test", slice(0, 1000)))
        assert len(arrays["losses"]) == 0


def test_the_first_hundred_losses_are_kept(tmp_path: Path) -> None:
    data = make_data(32 * 30)
    measured = twin_record.begin(trainable(data, 1), data, tmp_path, {"start": None})
    planner = Planner(SoftmaxConfig(epochs=5, batch_size=32), len(data.train))
    plain = trainable(data, 1)
    expected: list[float] = []
    for epoch in range(5):
        for side in (measured, plain):
            side.begin_epoch(planner.epoch(epoch))
        measured.advance(7)
        measured.advance(23)
        expected += (plain.advance(30).loss / 32).tolist()
    with np.load(tmp_path / twin_record.MEASURED) as arrays:
        assert arrays["losses"].tolist() == expected[:100]


def test_a_full_disk_ends_no_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The losses are written once there is room."""
    data = make_data(32 * 30)
    measured = twin_record.begin(trainable(data, 1), data, tmp_path, {"start": None})
    measured.begin_epoch(Planner(SoftmaxConfig(epochs=5, batch_size=32), len(data.train)).epoch(0))
    with monkeypatch.context() as patch:
        patch.setattr(twin_record.predictions, "write", full)
        measured.advance(7)
    measured.advance(1)
    with np.load(tmp_path / twin_record.MEASURED) as arrays:
        assert len(arrays["losses"]) == 8


def full(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("start", "words"),
    [({"weights/x": 1}, "only this model has dense/bias.*, only the other x; layers .* alike"), (None, "cannot")],
)
def test_what_is_no_twin_is_refused(tmp_path: Path, start: Any, words: str) -> None:
    data = make_data()
    path = tmp_path / "start.safetensors"
    if start:
        twin_record._write(path, {key: np.ones(3, np.float32) for key in start})
    with pytest.raises(RunError, match=words):
        twin_record.begin(trainable(data, 0), data, tmp_path / "twin", {"start": str(path)})


def entry(name: str, framework: str, reason: str = "") -> ModelEntry:
    return ModelEntry(f"{name}-{framework}", name, framework, "classification", "", (), False, {}, not reason, reason)


def test_a_pair_is_what_two_frameworks_share() -> None:
    entries = [entry("cnn", "torch"), entry("res", "torch"), entry("cnn", "tensorflow"), entry("mlp", "torch")]
    entries.append(entry("mlp", "tensorflow", "needs TensorFlow: pip install it"))
    catalog = Catalog(models={model.id: model for model in entries})
    assert [model.id for model in twin.pair(catalog, "cnn")] == ["cnn-torch", "cnn-tensorflow"]
    assert [model.id for model in twin.pair(catalog, "cnn-tensorflow")] == ["cnn-torch", "cnn-tensorflow"]
    with pytest.raises(UsageError, match=r"^res has no twin, it exists as res-torch only; cnn, mlp do$"):
        twin.pair(catalog, "res")
    with pytest.raises(UsageError, match="mlp-tensorflow cannot be used here: needs TensorFlow"):
        twin.pair(catalog, "mlp")


def reader(folder: Path, name: str, logits: Any, losses: Any, speeds: list[float]) -> RunReader:
    run = RunDirectory(folder / name)
    run.path.mkdir()
    run.run_json.write_text(f'{{"format": 1, "framework": "{name}"}}')
    predictions.write(
        twin_record.folder(run) / twin_record.MEASURED, {"logits": np.array(logits), "losses": np.array(losses)}
    )
    found = RunReader(run)
    empty = EpochRecord(1, 1, {}, {}, 0.1, 1.0, None, 0.0, 0.0)
    for number, speed in enumerate(speeds, start=1):
        found.history.epochs[number] = replace(empty, epoch=number, samples_per_second=speed)
    found.history.test = {"metrics": {"loss": 0.5}}
    return found


def test_the_comparison_is_of_the_largest_differences(tmp_path: Path) -> None:
    one = reader(tmp_path, "torch", [[1.0, 2.0]], [2.0] * 12, [1.0, 100.0, 110.0, 500.0])
    other = reader(tmp_path, "tensorflow", [[1.0, 2.5]], [2.0] * 5 + [2.2] * 5 + [2.0, 3.0, 9.0], [2.0, 55.0])
    found = twin.compare(one, other)
    assert (found.images, found.logits, found.steps) == (1, 0.5, 12)
    assert found.losses_near == pytest.approx(0.1)
    assert found.losses == pytest.approx(0.5)
    assert found.first.samples_per_second == 110.0
    assert found.speed == 0.5
    assert found.first.test == 0.5


def test_a_run_that_is_no_twin_cannot_be_compared(tmp_path: Path) -> None:
    one = reader(tmp_path, "torch", [[1.0]], [1.0], [1.0])
    with pytest.raises(RunError, match="has nothing to compare"):
        twin.compare(one, RunReader(tmp_path / "other"))
    with pytest.raises(RunError, match="different shapes"):
        twin.compare(one, reader(tmp_path, "wide", [[1.0, 2.0]], [1.0], [1.0]))
