"""Labels of a table: a column of names with bars between them, or columns of 0 and 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.core.errors import RunError
from tests.helpers.own_data import make_table, prepared

TAGS = ("rain|wind", "wind", "-", "rain", "snow | rain")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))


def _named(tmp_path: Path, *odd: str) -> Path:
    rows = [f"{number % 7},{number % 3},{TAGS[number % 5]}" for number in range(100)]
    return make_table(tmp_path / "named.csv", ["a,b,tags", *rows, *odd])


def _columns(tmp_path: Path, *odd: str) -> Path:
    rows = [f"{number % 7},{int(number % 2 == 0)},{'yes' if number % 3 else 'no'}" for number in range(100)]
    return make_table(tmp_path / "columns.csv", ["a,is_wet,is_cold", *rows, *odd])


def test_names_with_bars_between_them(tmp_path: Path) -> None:
    data = prepared("csv", "multilabel", path=str(_named(tmp_path)), labels="tags")
    assert data.spec.classes == ("rain", "snow", "wind")
    assert (data.spec.outputs, data.spec.input_shape) == (3, (2,))
    assert data.train.y.dtype == np.uint8
    everything = np.concatenate([part.y for part in (data.train, data.validation, data.test)])
    assert everything.sum(axis=0).tolist() == [60, 20, 40]
    assert (everything.sum(axis=1) == 0).sum() == 20
    assert all(part.y[:, 1].any() for part in (data.train, data.validation, data.test))


@pytest.mark.parametrize("asked", ["is_wet,is_cold", "is_*"])
def test_columns_of_yes_and_no(tmp_path: Path, asked: str) -> None:
    data = prepared("csv", "multilabel", path=str(_columns(tmp_path)), labels=asked)
    assert data.spec.classes == ("is_wet", "is_cold")
    assert data.spec.input_shape == (1,)
    everything = np.concatenate([part.y for part in (data.train, data.validation, data.test)])
    assert everything.sum(axis=0).tolist() == [50, 66]


def test_a_rare_label_is_in_the_training_part(tmp_path: Path) -> None:
    data = prepared("csv", "multilabel", path=str(_named(tmp_path, "1,1,hail|rain")), labels="tags")
    assert data.train.y[:, data.spec.classes.index("hail")].sum() == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,1,", "named.csv line 102 has no 'tags', the labels: write - where none applies"),
        ("1,1,|", "named.csv line 102 has no 'tags', the labels"),
        ("1,1", "named.csv line 102 has 2 columns, the first has 3"),
    ],
)
def test_empty_lists_and_ragged_rows(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(RunError, match=words):
        prepared("csv", "multilabel", path=str(_named(tmp_path, row)), labels="tags")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,2,no", "columns.csv line 102 has '2' as 'is_wet', a label: write 0 or 1"),
        ("1,,no", "columns.csv line 102 has no 'is_wet', a label: write 0 or 1"),
    ],
)
def test_cells_that_are_no_labels(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(RunError, match=words):
        prepared("csv", "multilabel", path=str(_columns(tmp_path, row)), labels="is_*")


def test_wrong_options(tmp_path: Path) -> None:
    path = str(_named(tmp_path))
    with pytest.raises(RunError, match="no column 'tag'"):
        prepared("csv", "multilabel", path=path, labels="tag")
    with pytest.raises(RunError, match="a table has target or labels, not both"):
        prepared("csv", "multilabel", path=path, labels="tags", target="a")
    none = make_table(tmp_path / "none.csv", ["a,tags", *["1,-"] * 20])
    with pytest.raises(RunError, match="no row has a label in 'tags'"):
        prepared("csv", "multilabel", path=str(none), labels="tags")


def test_several_targets_have_scales_of_their_own(tmp_path: Path) -> None:
    rows = [f"{number % 11},{1000 * (number % 11) + 5},{(number % 4) / 100},7" for number in range(100)]
    path = make_table(tmp_path / "targets.csv", ["x,out_price,out_share,out_same", *rows])
    data = prepared("csv", "regression", path=str(path), targets="out_*")
    assert (data.spec.input_shape, data.spec.outputs) == ((1,), 3)
    price, share, same = data.spec.targets
    assert [target.name for target in data.spec.targets] == ["out_price", "out_share", "out_same"]
    assert price.mean == pytest.approx(float(data.train.y[:, 0].mean()), rel=1e-5)
    assert share.std == pytest.approx(float(data.train.y[:, 1].std()), rel=1e-4)
    assert (same.mean, same.std) == (7.0, 1.0)
    assert data.test.y.max() > 9000


@pytest.mark.parametrize(
    ("cell", "words"),
    [("cheap", "line 22 has 'cheap' as 'b', the target, which is no number"), ("", "line 22 has no 'b', the target")],
)
def test_targets_that_are_no_numbers(tmp_path: Path, cell: str, words: str) -> None:
    path = make_table(tmp_path / "t.csv", ["x,a,b", *(f"{n},{n},{n * 2}" for n in range(20)), f"1,2,{cell}"])
    with pytest.raises(RunError, match=words):
        prepared("csv", "regression", path=str(path), targets="a,b")


@pytest.mark.parametrize(
    ("task", "options"), [("regression", {"targets": "a, a"}), ("multilabel", {"labels": "a,b,a"})]
)
def test_a_column_that_is_named_twice_is_refused(tmp_path: Path, task: str, options: dict[str, str]) -> None:
    path = make_table(tmp_path / "t.csv", ["x,a,b", *(f"{n},{n % 2},{n % 3 % 2}" for n in range(20))])
    with pytest.raises(RunError, match="column 'a' is named twice"):
        prepared("csv", task, path=str(path), **options)
