"""What each column of a table is: numbered rows are no feature, numbers can be classes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from dltui.core.errors import RunError
from dltui.plugins.datasets.tables.dataset import preview
from dltui.plugins.datasets.tables.options import CsvOptions
from tests.helpers.own_data import make_table, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def table(tmp_path: Path, name: str, index: list[object]) -> str:
    """A column of that name before one of numbers, in order of the target; "-": without names."""
    lines = [f"{n},{(7 * place) % 13}.5,{'abc'[place * 3 // len(index)]}" for place, n in enumerate(index)]
    return str(make_table(tmp_path / "t.csv", [*([f"{name},size,label"] if name != "-" else []), *lines]))


SHUFFLED = random.Random(0).sample(range(60), 60)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("", list(range(60))),
        ("", list(range(1, 61))),
        ("", SHUFFLED),
        ("", [3 * n for n in SHUFFLED]),
        ("Unnamed: 0", list(range(60))),
        ("index", SHUFFLED),
        ("ID", [842_000 + 17 * n for n in range(60)]),
        ("row_id", list(range(1, 61))),
        ("-", list(range(1, 61))),
    ],
)
def test_a_column_that_numbers_the_rows_is_left_out_and_told(tmp_path: Path, name: str, index: list[object]) -> None:
    path = table(tmp_path, name, index)
    data = prepared("csv", path=path)
    assert data.spec.input_shape == (1,)
    shown = "column 1" if name in ("", "-") else name
    assert data.notes == (f"column '{shown}' is left out: it numbers the rows",)
    found = preview(CsvOptions(path=path))
    assert dict(found.facts)[shown] == "left out: it numbers the rows"
    assert found.notes == data.notes
    assert data.inputs["table"]["columns"][shown] == "left out: it numbers the rows"


@pytest.mark.parametrize(
    ("name", "index", "note"),
    [
        ("day", list(range(60)), "column 'day' counts the rows, which are in order of the target; --data drop=day ?"),
        ("day", SHUFFLED, None),
        ("species_id", [n // 3 for n in range(60)], None),
        ("id", [n // 2 for n in range(60)], None),
        ("", [n / 2 for n in range(60)], None),
        ("index", [n * 5 for n in range(60)], None),
    ],
)
def test_other_columns_stay_and_those_that_count_are_told(
    tmp_path: Path, name: str, index: list[object], note: str | None
) -> None:
    data = prepared("csv", path=table(tmp_path, name, index))
    assert data.spec.input_shape == (2,)
    assert data.notes == ((note,) if note else ())


def test_the_only_feature_is_kept(tmp_path: Path) -> None:
    lines = ["id,y", *(f"{n},{3 * n}" for n in range(30))]
    data = prepared("csv", "regression", path=str(make_table(tmp_path / "t.csv", lines)))
    assert data.spec.input_shape == (1,)
    assert data.notes == ()


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (("1", "1.0", "2"), ("1", "2")),
        (("0", "0.0", "-0", "1"), ("0", "1")),
        (("1.50", "1.5", "2.5"), ("1.5", "2.5")),
        (("01", "02"), ("01", "02")),
        (("1", "1.0", "unknown"), ("1", "unknown")),
        (("1e3", "1000", "5"), ("5", "1000")),
        (("10", "9", "-1"), ("-1", "9", "10")),
        (("76561198000000001", "76561198000000002"), ("76561198000000001", "76561198000000002")),
        (("76561198000000001.0", "76561198000000002.0"), ("76561198000000001.0", "76561198000000002.0")),
        (("+12345678901234567890", "12345678901234567890", "5"), ("5", "12345678901234567890")),
    ],
)
def test_labels_of_one_value_are_one_class(tmp_path: Path, texts: tuple[str, ...], classes: tuple[str, ...]) -> None:
    lines = ["x,y", *(f"{n % 7}.5,{texts[n % len(texts)]}" for n in range(12 * len(texts)))]
    path = str(make_table(tmp_path / "t.csv", lines))
    data = prepared("csv", path=path)
    assert data.spec.classes == classes
    counts = np.bincount(np.concatenate([part.y for part in (data.train, data.validation, data.test)]))
    assert dict(preview(CsvOptions(path=path)).classes) == dict(zip(classes, counts.tolist(), strict=True))


def test_decimal_commas_in_labels_are_one_class_too(tmp_path: Path) -> None:
    lines = ["x;y", *(f"{n % 7},5;{('1,0', '1', '2,0')[n % 3]}" for n in range(36))]
    assert prepared("csv", path=str(make_table(tmp_path / "t.csv", lines))).spec.classes == ("1", "2")


@pytest.mark.parametrize(("classes", "each", "step"), [(150, 6, 1), (999, 5, 1), (101, 5, 10)])
def test_many_numbered_classes_can_be_trained_on(tmp_path: Path, classes: int, each: int, step: int) -> None:
    lines = ["a,species", *(f"{n % 7}.5,{step * (n % classes)}" for n in range(classes * each))]
    data = prepared("csv", path=str(make_table(tmp_path / "t.csv", lines)))
    assert len(data.spec.classes) == classes
    assert len(set(data.validation.y)) == classes


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (lambda n: n % 150 + 0.5, "more than 100 different numbers, which are no classes"),
        (lambda n: n // 2, "more than 100 different numbers, which are no classes"),
    ],
)
def test_measurements_are_no_classes(tmp_path: Path, cell: object, words: str) -> None:
    assert callable(cell)
    lines = ["a,y", *(f"{n % 7}.5,{cell(n)}" for n in range(900))]
    with pytest.raises(RunError, match=words):
        prepared("csv", path=str(make_table(tmp_path / "t.csv", lines)))
