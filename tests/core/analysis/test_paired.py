"""Two runs sample by sample: who has what right, and McNemar's exact test."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from dltui.core.analysis import paired
from dltui.core.analysis.paired import mcnemar, pair
from dltui.core.errors import RunError, UsageError
from dltui.core.reading.reader import RunReader
from tests.helpers.late import stats
from tests.helpers.sample_run import make_sample_run


def change(run: Path, rows: slice) -> None:
    """Let the run predict the true class of some samples."""
    path = run / "predictions" / "test.npz"
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    labels, top = arrays["labels"], arrays["top"]
    top[rows, 0] = labels[rows]
    keep = np.flatnonzero(top[arrays["wrong"], 0] != labels[arrays["wrong"]])
    arrays["wrong"], arrays["thumbnails"] = arrays["wrong"][keep], arrays["thumbnails"][keep]
    np.savez(path, **arrays)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    make_sample_run(folder, run_id="one", epochs=1)
    shutil.copytree(folder / "one", folder / "two")
    change(folder / "one", slice(0, 600))
    change(folder / "two", slice(500, 1000))
    return folder


def read(path: Path) -> RunReader:
    reader = RunReader(path)
    reader.refresh()
    return reader


def test_every_sample_is_in_one_of_four(made: Path) -> None:
    found = pair(read(made / "one"), read(made / "two"))
    assert (found.total, found.neither) == (1000, 0)
    assert (len(found.first), len(found.second)) == (31, 35)
    assert found.p == pytest.approx(stats.binomtest(31, 66).pvalue)
    assert [sample.probability for sample in found.first] == sorted(
        (sample.probability for sample in found.first), reverse=True
    )
    sample = found.first[0]
    assert sample.image is not None
    assert found.images[0][sample.image].shape == (28, 28, 1)
    assert sample.true != sample.said


def test_the_other_way_around_is_the_mirror(made: Path) -> None:
    one, two = read(made / "one"), read(made / "two")
    found, turned = pair(one, two), pair(two, one)
    assert (found.first, found.second, found.p) == (turned.second, turned.first, turned.p)


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (5, 5), (10, 2), (7, 30), (121, 141), (900, 1020), (0, 1500), (3000, 3001)]
)
def test_the_p_value_is_that_of_scipy(first: int, second: int) -> None:
    wanted = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(250, 250), (200, 301), (480, 530), (1900, 2100), (0, 1040)])
def test_the_p_value_is_that_of_whole_numbers(first: int, second: int) -> None:
    total, less = first + second, min(first, second)
    wanted = 2 * sum(math.comb(total, k) for k in range(less + 1)) / (1 << total)
    assert mcnemar(first, second) == pytest.approx(min(1.0, wanted), rel=1e-9)


def test_many_samples_take_no_time(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.process_time()
    assert mcnemar(100_000, 100_000) == 1.0
    assert mcnemar(99_000, 101_000) == pytest.approx(7.8e-6, rel=0.01)
    assert time.process_time() - began < 0.05
    found = pair(read(made / "one"), read(made / "two"))
    assert found.p < 1.0
    monkeypatch.setattr(paired, "mcnemar", lambda *_: pytest.fail("computed again"))
    assert found.p < 1.0


def test_other_data_are_not_paired(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "two", tmp_path / "other")
    log = tmp_path / "other" / "events.jsonl"
    with np.load(tmp_path / "other" / "predictions" / "test.npz") as found:
        arrays = {name: found[name] for name in found.files}
    np.savez(tmp_path / "other" / "predictions" / "test.npz", **{**arrays, "ids": arrays["ids"] + 1})
    with pytest.raises(UsageError, match=r"other test samples \(ids differ\)"):
        pair(read(made / "one"), read(tmp_path / "other"))
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:5]))
    with pytest.raises(UsageError, match="other has no test result yet"):
        pair(read(made / "one"), read(tmp_path / "other"))


def test_damage_is_one_line(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "two", tmp_path / "bad")
    path = tmp_path / "bad" / "predictions" / "test.npz"
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    np.savez(path, **{**arrays, "top": arrays["top"][:7]})
    with pytest.raises(RunError, match="damaged"):
        pair(read(made / "one"), read(tmp_path / "bad"))
