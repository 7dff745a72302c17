"""Comparisons: what differs, who wins, how long it took, and what cannot be compared."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.analysis.comparison import MOST, Comparison, Point, _common, as_object, compare
from dltui.core.errors import UsageError
from dltui.core.reading.history import History
from dltui.core.reading.reader import RunReader
from dltui.exports.tables.comparison import epochs_csv, runs_csv
from dltui.tui.draw import comparison as drawn
from tests.helpers.sample_run import make_sample_run


def reader(root: Path, run_id: str, changes: dict[str, Any] | None = None, **options: Any) -> RunReader:
    run = make_sample_run(root, run_id=run_id, **options)
    asked = json.loads(run.run_json.read_text())
    asked["config"] |= (changes or {}).pop("config", {})
    run.run_json.write_text(json.dumps(asked | (changes or {})))
    found = RunReader(run.path)
    found.refresh()
    return found


def two(root: Path) -> tuple[RunReader, RunReader]:
    return reader(root, "one", seed=1), reader(root, "two", {"config": {"lr": 0.2}}, seed=2, epochs=5)


def test_only_what_differs_is_a_difference(tmp_path: Path) -> None:
    found = compare(two(tmp_path))
    assert found.differences == {"epochs": (10, 5), "lr": (0.05, 0.2), "seed": (1, 2)}
    assert found.metric == "accuracy"
    assert [entry.id for entry in found.entries] == ["one", "two"]


def test_runs_are_compared_by_the_metric_that_all_of_them_chose(tmp_path: Path) -> None:
    readers = two(tmp_path)
    for found in readers:
        found.history.attempt.monitor.update(metric="loss", mode="min")  # type: ignore[union-attr]
    compared = compare(readers)
    assert (compared.metric, compared.mode) == ("loss", "min")
    assert compared.entries[0].best.value == min(  # type: ignore[union-attr]
        record.validation["loss"] for record in readers[0].history.epochs.values()
    )
    readers[1].history.attempt.monitor.update(metric="accuracy", mode="max")  # type: ignore[union-attr]
    assert (compare(readers).metric, compare(readers).mode) == ("accuracy", "max")


def test_a_run_that_has_not_begun_does_not_change_the_metric(tmp_path: Path) -> None:
    readers = two(tmp_path)
    for found in readers:
        found.history.attempt.monitor.update(metric="wer", mode="min")  # type: ignore[union-attr]
        for number, record in found.history.epochs.items():
            found.history.epochs[number] = replace(record, validation={**record.validation, "wer": 1.0 / number})
    compared = compare([*readers, reader(tmp_path, "queued", status="queued")])
    assert (compared.metric, compared.mode, compared.winner) == ("wer", "min", 0)
    waiting = [reader(tmp_path / "none", name, status="queued") for name in ("a", "b")]
    assert (compare(waiting).metric, compare(waiting).mode) == ("accuracy", "max")


def test_of_equal_epochs_the_one_that_the_run_took_is_best(tmp_path: Path) -> None:
    readers = two(tmp_path)
    for found in readers:
        for number, record in found.history.epochs.items():
            values = {"loss": 1.0 / number, "accuracy": 1.0}
            found.history.epochs[number] = replace(record, validation=values, best=number <= 3)
    bests = [entry.best for entry in compare(readers).entries]
    assert [best.epoch for best in bests if best] == [3, 3]


def test_epochs_without_a_value_count_too(tmp_path: Path) -> None:
    readers = two(tmp_path)
    epochs = readers[0].history.epochs
    for number in (9, 10):
        epochs[number] = replace(epochs[number], validation={**epochs[number].validation, "accuracy": math.nan})
    compared = compare(readers)
    assert [entry.epochs for entry in compared.entries] == [10, 5]
    assert len(compared.entries[0].curves["accuracy"]) == 8
    assert [run["epochs"] for run in as_object(compared)["runs"]] == [10, 5]
    assert [row["epochs"] for row in csv.DictReader(runs_csv(compared).splitlines())] == ["10", "5"]
    (row,) = [row for row in drawn._results(compared) if row[0] == "  at epoch"]
    assert row == ["  at epoch", "8 of 10", "5 of 5"]


def test_its_object_has_none_for_what_json_lacks(tmp_path: Path) -> None:
    found = replace(compare(two(tmp_path)), goal=math.nan)
    broken = replace(found, entries=tuple(replace(entry, train_seconds=math.inf) for entry in found.entries))
    known = json.loads(json.dumps(as_object(broken), allow_nan=False))
    assert (known["goal"], known["runs"][0]["train_seconds"]) == (None, None)


def test_a_setting_that_one_of_them_lacks_is_a_difference(tmp_path: Path) -> None:
    one = reader(tmp_path, "one")
    two = reader(tmp_path, "two", {"config": {"dropout": 0.5}, "dataset_options": {"n": 7}})
    assert compare([one, two]).differences == {"data n": (None, 7), "dropout": (None, 0.5)}


def test_a_renamed_option_is_one_setting(tmp_path: Path) -> None:
    old = {"dataset_plugin": "folder", "dataset_options": {"colour": "grey", "size": 8}}
    new = {"dataset_plugin": "folder", "dataset_options": {"color": "color", "size": 8}}
    found = compare([reader(tmp_path, "old", old), reader(tmp_path, "new", new)])
    assert found.differences == {"data color": ("gray", "color")}


def test_labels_are_the_shortest_that_tell_runs_apart(tmp_path: Path) -> None:
    one = reader(tmp_path, "one")
    other = reader(tmp_path, "other", {"model": "mlp-torch", "config": {"lr": 0.2}})
    faster = reader(tmp_path, "faster", {"config": {"lr": 0.2}})
    same = reader(tmp_path, "same")
    changes = {"lr": 0.2, "momentum": 0.5, "batch_size": 1, "schedule": "constant"}
    many = reader(tmp_path, "many", {"config": changes})
    labels = [
        [entry.label for entry in compare(readers).entries]
        for readers in ([one, other], [one, faster], [one, same], [one, many], [one, faster, other])
    ]
    assert labels == [
        ["cnn-torch", "mlp-torch"],
        ["lr=0.05", "lr=0.2"],
        ["one", "same"],
        ["one", "many"],
        ["cnn-torch, lr=0.05", "cnn-torch, lr=0.2", "mlp-torch, lr=0.2"],
    ]


def test_the_best_on_the_validation_split_wins(tmp_path: Path) -> None:
    found = compare(two(tmp_path))
    bests = [entry.best for entry in found.entries]
    assert [best.epoch for best in bests if best] == [8, 5]
    assert found.winner == 0
    assert compare(two(tmp_path / "again")[::-1]).winner == 1


def test_who_is_as_good_does_not_win(tmp_path: Path) -> None:
    found = compare([reader(tmp_path, "one"), reader(tmp_path, "two")])
    assert found.winner is None
    assert found.leaders([1.0, 1.0, None], "max") == set()
    assert found.leaders([1.0, 2.0, 2.0, float("nan")], "max") == {1, 2}
    assert found.leaders([1.0, 2.0, None], "min") == {0}
    assert found.leaders([1.0, None], "min") == set()


def test_time_to_a_goal_is_training_time(tmp_path: Path) -> None:
    readers = two(tmp_path)
    found = compare(readers, 0.9)
    for entry, reading in zip(found.entries, readers, strict=True):
        records = reading.history.epochs
        first = min(number for number, record in records.items() if record.validation["accuracy"] >= 0.9)
        assert entry.reached is not None
        assert entry.reached.epoch == first
        assert entry.reached.seconds == pytest.approx(sum(records[number].seconds for number in range(1, first + 1)))
    never = compare(readers, 0.9999)
    assert [entry.reached for entry in never.entries] == [None, None]


def test_without_a_goal_it_is_what_all_of_them_reached(tmp_path: Path) -> None:
    found = compare(two(tmp_path))
    assert found.goal is not None
    assert all(entry.reached for entry in found.entries)
    worst = min(entry.best.value for entry in found.entries if entry.best)
    assert worst - 0.001 < found.goal <= worst


def test_regressions_are_compared_by_their_loss(tmp_path: Path) -> None:
    one, two = reader(tmp_path, "one", task="regression"), reader(tmp_path, "two", task="regression", epochs=4)
    found = compare([one, two])
    assert (found.metric, found.mode) == ("loss", "min")
    assert found.winner == 0
    assert found.goal is not None
    worst = max(entry.best.value for entry in found.entries if entry.best)
    assert worst <= found.goal < worst * 1.02
    assert all(entry.reached for entry in found.entries)


def test_epochs_are_aligned(tmp_path: Path) -> None:
    found = compare(two(tmp_path))
    rows = found.aligned("accuracy")
    assert [epoch for epoch, _ in rows] == list(range(1, 11))
    assert all(None not in values for epoch, values in rows if epoch <= 5)
    assert all(values[0] is not None and values[1] is None for epoch, values in rows if epoch > 5)


def test_a_run_that_has_just_begun_is_compared_as_far_as_it_is(tmp_path: Path) -> None:
    found = compare([reader(tmp_path, "one"), reader(tmp_path, "two", status="starting")])
    late = found.entries[1]
    assert (late.best, late.reached, late.samples_per_second, late.parameters) == (None, None, None, None)
    assert (found.winner, found.goal) == (None, None)
    assert found.notes == ("not over yet: two",)


def notes(found: Comparison) -> str:
    return "; ".join(found.notes)


def test_what_makes_runs_less_comparable_is_noted(tmp_path: Path) -> None:
    one = reader(tmp_path, "one")
    assert notes(compare([one, reader(tmp_path, "same")])) == ""
    other = reader(tmp_path, "other", {"dataset": "digits", "device": {"name": "cuda:0", "title": "Tesla T4"}})
    found = notes(compare([one, other]))
    assert "the datasets are different" in found
    assert "the devices are different" in found


def test_runs_of_one_name_are_called_by_their_ids(tmp_path: Path) -> None:
    readers = [reader(tmp_path, run_id) for run_id in ("one", "two", "three")]
    for reading in readers[:2]:
        reading.directory.set_labels(name="same")
    assert [entry.name for entry in compare(readers).entries] == ["one", "two", "three"]
    readers[0].directory.set_labels(name="good")
    assert [entry.name for entry in compare(readers).entries] == ["good", "same", "three"]


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    first = two(tmp_path)
    one, other = first
    line = reader(tmp_path, "line", task="regression")
    for readers, words in (
        ([], "name two runs or more"),
        ([one], "name two runs or more"),
        ([one, one], "name two runs or more"),
        ([one, other, one], "run one is named twice"),
        ([*first, line], "one is classification, line is regression"),
    ):
        with pytest.raises(UsageError, match=words):
            compare(readers)
    many = [RunReader(tmp_path / f"run{number}") for number in range(MOST + 1)]
    with pytest.raises(UsageError, match="too many"):
        compare(many)


def test_names_of_settings_are_no_control_codes(tmp_path: Path) -> None:
    nasty = "x\x1b]52;c;UFdORUQ=\x07"
    found = compare(
        [reader(tmp_path, "one"), reader(tmp_path, "two", {"dataset_options": {nasty: 1}, "config": {nasty: 1}})]
    )
    assert list(found.differences) == ["data x\\x1b]52;c;UFdORUQ=\\x07", "x\\x1b]52;c;UFdORUQ=\\x07"]


def test_its_object_aligns_each_metric_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To do so anew for each epoch takes minutes for runs of 10,000 epochs."""
    found, asked = compare(two(tmp_path)), []
    aligned = Comparison.aligned
    monkeypatch.setattr(Comparison, "aligned", lambda self, name: asked.append(name) or aligned(self, name))
    rows = as_object(found)["epochs"]
    assert sorted(asked) == ["accuracy", "loss"]
    assert [row["epoch"] for row in rows] == list(range(1, 11))
    assert rows[7]["accuracy"] == [found.entries[0].curves["accuracy"][7].value, None]
    assert set(rows[0]) == {"epoch", "accuracy", "loss"}


@pytest.mark.parametrize(
    ("goal", "line"), [(90, "did you mean 90%?"), (0, "greater than 0"), (math.nan, "must be a number, got nan")]
)
def test_a_goal_that_no_run_can_reach_is_refused(tmp_path: Path, goal: float, line: str) -> None:
    with pytest.raises(UsageError, match=line.replace("?", r"\?")):
        compare(two(tmp_path), goal)


def test_a_goal_may_be_negative_where_values_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = two(tmp_path)
    for found in readers:
        for number, record in found.history.epochs.items():
            found.history.epochs[number] = replace(record, validation={**record.validation, "elbo": -number})
    for metric, own_loss in (("elbo", False), ("loss", True)):
        monkeypatch.setattr(History, "own_loss", own_loss)
        for found in readers:
            found.history.attempt.monitor.update(metric=metric, mode="min")  # type: ignore[union-attr]
        assert compare(readers, -1.2).goal == -1.2
    monkeypatch.setattr(History, "own_loss", False)
    with pytest.raises(UsageError, match="greater than 0"):
        compare(readers, -1.2)


@pytest.mark.parametrize(
    ("mode", "values", "goal"),
    [
        ("max", (0.91299, 0.95), 0.912),
        ("max", (0.0456789, 0.95), 0.0456),
        ("max", (0.000123456, 0.95), 0.000123),
        ("max", (31.41592, 40.0), 31.415),
        ("max", (-0.0123456, -0.01), -0.0124),
        ("max", (0.0, 0.5), 0.0),
        ("max", (1e-320, 0.5), 0.0),
        ("min", (1.23456, 0.1), 1.24),
        ("min", (-1.23456, -2.0), -1.23),
    ],
)
def test_what_all_reached_is_rounded_so_that_all_reach_it(mode: str, values: tuple[float, ...], goal: float) -> None:
    found = _common([Point(1, 1.0, value) for value in values], mode)
    assert found == pytest.approx(goal, rel=1e-9, abs=1e-300)


def test_epochs_without_a_value_of_the_metric_have_their_losses(tmp_path: Path) -> None:
    readers = two(tmp_path)
    for found in readers:
        for number in (2, 5):
            record = found.history.epochs[number]
            found.history.epochs[number] = replace(record, validation={**record.validation, "accuracy": math.nan})
    compared = compare(readers)
    losses = [found.history.epochs[5].validation["loss"] for found in readers]
    rows = as_object(compared)["epochs"]
    assert [row["epoch"] for row in rows] == list(range(1, 11))
    assert rows[4] == {"epoch": 5, "accuracy": [None, None], "loss": losses}
    (row,) = [row for row in csv.DictReader(epochs_csv(compared).splitlines()) if row["epoch"] == "5"]
    assert [row["one accuracy"], row["one loss"], row["two loss"]] == ["", *map(repr, losses)]
    seconds = sum(readers[0].history.epochs[number].seconds for number in range(1, 6))
    assert float(row["one train_seconds"]) == pytest.approx(seconds)
