"""Planted duplicates and blank images are found, and nothing else; findings are kept by the data's fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.core.contract import Data, Spec, Split
from dltui.core.data.findings import at_start, check, odd, proposals, record, small
from dltui.core.data.findings.record import Findings, Pair
from tests.core.data.findings.planted import pictures, planted


@pytest.fixture(scope="module")
def found() -> Findings:
    return check.check(planted().data)


def rows(pair: Pair) -> frozenset[tuple[str, int]]:
    return frozenset((sample.split, sample.row) for sample in (pair.kept, pair.other))


def test_planted_duplicates_are_found_and_no_others(found: Findings) -> None:
    asked = planted()
    assert {rows(pair) for pair in found.pairs if pair.kind == "exact"} == asked.exact
    assert {rows(pair) for pair in found.pairs if pair.kind == "near"} == asked.near
    assert found.pair_counts == {
        "exact: train": 1,
        "exact: test": 1,
        "exact: train, test": 1,
        "near: train": 2,
        "near: train, validation": 1,
    }
    assert found.contradictions == sum(pair.contradicts for pair in found.pairs) > 0
    assert found.pairs[0].leaks, "leakage comes first"


def test_the_one_that_is_trained_on_is_left_out(found: Findings) -> None:
    across = {pair.other.split for pair in found.pairs if pair.leaks}
    assert across == {"train"}
    (within,) = [pair for pair in found.pairs if rows(pair) == {("train", 10), ("train", 11)}]
    assert (within.kept.id, within.other.id) == (1010, 1011)


def test_blank_images(found: Findings) -> None:
    assert {(one.sample.split, one.sample.row, one.why) for one in found.odd} == {
        ("test", 8, odd.BLACK),
        ("train", 60, odd.WHITE),
        ("train", 61, odd.PLAIN),
    }


def test_a_line_and_rows_of_a_review(found: Findings) -> None:
    said = record.line(found)
    assert "1 exact and 1 near duplicates between splits (leakage)" in said
    assert "2 exact and 2 near duplicates within a split" in said
    assert "1 all black" in said
    marks = {(row.split, row.id): (row.mark, row.of) for row in proposals.rows(found)}
    assert marks["train", 1011] == ("duplicate", "train 1010")
    assert marks["test", 8] == ("broken", "")


def test_findings_are_kept(found: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path))
    assert record.read(found.fingerprint) is None
    record.keep(found, "mine")
    assert record.lines() == {"mine": record.line(found)}
    assert record.read(found.fingerprint) == found
    wrong, fine = at_start.told(planted().data, "planted")
    assert wrong[0].endswith("details: dltui datasets check planted")
    assert fine == []
    command = "dltui train cnn --dataset planted --data n=50 --lr 0.1 --data-dir /x y --data=seed=2".split()
    wrong, _ = at_start.told(planted().data, "planted", command)
    assert wrong[0].endswith("dltui datasets check planted --data n=50 --data-dir /x --data=seed=2")
    (record.folder() / f"{found.fingerprint}.json").write_text('{"format": 1, "findings": {"pairs": 3}}')
    assert record.read(found.fingerprint) is None


def test_vectors_have_exact_duplicates_only() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    x[[7, 9]] = x[[3, 5]]
    y = np.zeros((40, 1), np.float32)
    y[9] = 1  # the same inputs and another number to predict are no duplicate
    splits = {name: Split(x[some], y[some], np.arange(40)[some]) for name, some in
              (("train", slice(20)), ("validation", slice(20, 30)), ("test", slice(30, 40)))}  # fmt: skip
    found = check.check(Data("lines", Spec("regression", (3,), 1), **splits, fingerprint="f"))
    assert [(pair.kept.id, pair.other.id, pair.kept.label) for pair in found.pairs] == [(3, 7, -1)]
    assert (found.per_class, found.balance) == ({}, None)


def test_large_data_is_not_looked_at_before_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "QUICK_SAMPLES", 100)
    found = check.quick(planted().data)
    assert found.is_short
    assert found.pairs == ()
    assert "not looked for" in record.line(found)


def test_uneven_classes_are_told(found: Findings) -> None:
    uneven = replace(found, per_class={"train": (5, 900, 300)})
    assert "classes from 5 of a to 900 of b" in record.line(uneven)


def test_files_of_an_unusual_size_or_shape(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(9)]
    for file in files[:6]:
        Image.new("L", (100, 80)).save(file)
    Image.new("L", (10, 8)).save(files[6])
    Image.new("L", (900, 80)).save(files[7])
    files[8].write_text("no image")
    assert odd.misshapen(files) == {6: odd.SMALL, 7: odd.LONG}


def test_large_images_are_reduced_by_means() -> None:
    images = np.zeros((2, 64, 96, 3), np.uint8)
    images[1, :, :48] = 200
    reduced = small.reduced([images])
    assert reduced.shape == (2, 21, 32, 3)
    assert reduced[1, 0, 0].tolist() == [200, 200, 200]


def test_records_of_named_inputs_have_exact_duplicates() -> None:
    x = np.zeros(30, dtype=[("a", "f4", (3,)), ("b", "i8")])
    x["a"] = np.random.default_rng(0).normal(size=(30, 3))
    x["b"][4] = 1
    x[9] = x[25]
    splits = {name: Split(x[some], np.zeros((len(x[some]), 1), np.float32), np.arange(30)[some]) for name, some in
              (("train", slice(10)), ("validation", slice(10, 20)), ("test", slice(20, 30)))}  # fmt: skip
    found = check.check(Data("named", Spec("regression", (3,), 1), **splits, fingerprint="f"))
    assert [(pair.kept.id, pair.other.id) for pair in found.pairs] == [(25, 9)]


def test_equal_images_with_other_labels_contradict_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path))
    x = pictures(60, 1)
    x[[31, 41, 51]] = x[[30, 40, 50]]
    y = np.zeros((60, 3), np.uint8)
    y[30] = y[31] = y[40] = y[50] = [1, 0, 1]
    y[41] = [1, 1, 0]
    splits = {name: Split(x[some], y[some], np.arange(60)[some]) for name, some in
              (("train", slice(0, 40)), ("validation", slice(40, 52)), ("test", slice(52, 60)))}  # fmt: skip
    data = Data("labels", Spec("multilabel", x.shape[1:], 3, ("sky", "sea", "sun")), **splits, fingerprint="e" * 64)
    found = check.check(data)
    told = {
        frozenset((30, 31)): (False, ["sky|sun", "sky|sun"]),
        frozenset((40, 41)): (True, ["sky|sea", "sky|sun"]),
        frozenset((50, 51)): (True, ["", "sky|sun"]),
    }
    assert len(found.pairs) == len(told)
    assert found.contradictions == 2
    assert "2 pairs of them with different labels" in record.line(found)
    for pair in found.pairs:
        names = [proposals.class_name(sample, found.classes) for sample in (pair.kept, pair.other)]
        assert (pair.contradicts, sorted(names)) == told[frozenset((pair.kept.id, pair.other.id))]
    record.keep(found, "mine")
    assert record.read(found.fingerprint) == found


def test_the_command_names_the_model_where_it_decides_what_there_is(
    found: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "read", lambda fingerprint: found)
    data = planted().data
    table = replace(data, spec=Spec("regression", (3,), 1))
    command = "dltui train mine --dataset csv:t.csv --plugin mine.py".split()
    wrong, _ = at_start.told(table, "csv:t.csv", command, "mine")
    assert wrong[0].endswith("details: dltui datasets check csv:t.csv --model mine --plugin mine.py")
    wrong, _ = at_start.told(data, "planted", (), "cnn-torch")
    assert wrong[0].endswith("details: dltui datasets check planted")
