"""Numbers as people write them stay numbers; what is none is a gap, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.core.errors import RunError
from dltui.core.inputs.numerals import parse
from dltui.plugins.datasets.tables.dataset import preview
from dltui.plugins.datasets.tables.options import CsvOptions
from tests.helpers.own_data import make_table, prepared

VALUES = [round(1234.5 + 17.25 * number, 2) for number in range(60)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def table(tmp_path: Path, cells: list[str], separator: str = ",") -> str:
    """A column `a` of these cells, one of plain numbers, and a target."""
    rows = [f"{cell}{separator}{n % 7}{separator}{'xyz'[n % 3]}" for n, cell in enumerate(cells)]
    return str(make_table(tmp_path / "table.csv", [f"a{separator}b{separator}label", *rows]))


def european(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("write", "separator", "said"),
    [
        (lambda v: f"{v}".replace(".", ","), ";", "decimal comma"),
        (lambda v: f'"{v}"'.replace(".", ","), ",", "decimal comma"),
        (european, ";", "decimal comma"),
        (european, "\t", "decimal comma"),
        (lambda v: f"{v:,.2f}".replace(",", " ").replace(".", ","), ";", "decimal comma"),
        (lambda v: f"{v:,.2f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ","), ";", "decimal comma"),
        (lambda v: f'"{v:,.2f}"', ",", "thousands separators"),
        (lambda v: f"{v:,.2f}", ";", "thousands separators"),
        (lambda v: f"{v:,.2f}".replace(",", "'"), ",", "thousands separators"),
        (lambda v: f"{v:,.2f}".replace(",", " "), ",", "thousands separators"),
        (lambda v: f"{v} %", ",", "in %"),
        (lambda v: f"{v}%", ",", "in %"),
        (lambda v: f"{v} kg", ",", "in kg"),
        (lambda v: f"{v}m²", ",", "in m²"),
        (lambda v: f"{v} °C", ",", "in °C"),
        (lambda v: f"{v}km/h", ",", "in km/h"),
        (lambda v: f"${v}", ",", "in $"),
        (lambda v: f"{v} €", ",", "in €"),
        (lambda v: f'"€ {european(v)}"', ",", "decimal comma, in €"),
        (lambda v: f"+{v}", ",", ""),
        (lambda v: f"{v:e}", ",", ""),
        (lambda v: f" {v} ", ",", ""),
    ],
)
def test_ways_to_write_a_number(tmp_path: Path, write: object, separator: str, said: str) -> None:
    assert callable(write)
    path = table(tmp_path, [write(value) for value in VALUES], separator)
    facts = dict(preview(CsvOptions(path=path)).facts)
    assert facts["a"] == ", ".join(["number, 1234.5 to 2252.25", *([said] if said else [])])
    data = prepared("csv", path=path, scale=False)
    found = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert found.shape == (60, 2)
    assert sorted(found[:, 0].tolist()) == pytest.approx(VALUES, rel=1e-4)
    assert any("numbers with" in note for note in data.notes) == bool(said)
    columns = data.inputs["table"]["columns"]
    assert columns["a"] == facts["a"]


@pytest.mark.parametrize("sign", ["-", "\N{MINUS SIGN}"])
def test_signs(sign: str) -> None:
    assert parse(f"{sign}1.234,5", "comma") == (-1234.5, "")
    assert parse(f"{sign}12 %", "point") == (-12, "%")


def test_a_point_that_groups_is_told_by_the_other_columns(tmp_path: Path) -> None:
    lines = ["a;b;label", *(f"1.{n:03};{n},5;{'xy'[n % 2]}" for n in range(40))]
    facts = dict(preview(CsvOptions(path=str(make_table(tmp_path / "t.csv", lines)))).facts)
    assert facts["a"] == "number, 1000 to 1039, decimal comma"
    lines = ["a;b;label", *(f"1.{n:03};{n};{'xy'[n % 2]}" for n in range(40))]
    facts = dict(preview(CsvOptions(path=str(make_table(tmp_path / "t.csv", lines)))).facts)
    assert facts["a"] == "number, 1 to 1.039"


@pytest.mark.parametrize(("separator", "most"), [(";", "1.039, decimal comma"), ("\t", "1039, thousands separators")])
def test_a_comma_before_three_digits_is_told_by_the_separator(tmp_path: Path, separator: str, most: str) -> None:
    lines = [f"a{separator}label", *(f"1,{n:03}{separator}{'xy'[n % 2]}" for n in range(40))]
    facts = dict(preview(CsvOptions(path=str(make_table(tmp_path / "t.csv", lines)))).facts)
    assert facts["a"].endswith(f"to {most}")


@pytest.mark.parametrize(
    "odd",
    ["-", "None", "none", "#N/A", "<NA>", "NULL", "inf", "-inf", "n.a.", "#DIV/0!", "abc", "12:30", "1_0", "1e400"],
)
def test_one_odd_cell_is_a_gap_in_a_column_of_numbers(tmp_path: Path, odd: str) -> None:
    path = table(tmp_path, [*map(str, VALUES), odd])
    found = preview(CsvOptions(path=path))
    assert dict(found.facts)["a"] == "number, 1234.5 to 2252.25, 1 missing"
    data = prepared("csv", path=path)
    assert data.spec.input_shape == (2,)
    assert "filled with the median of the train split: 1 missing number" in data.notes
    if odd.lower() not in ("#n/a", "<na>", "null"):
        assert f"column 'a': no number, and taken as missing: '{odd}' (line 62)" in data.notes
        assert set(found.notes) <= set(data.notes)
    assert len(prepared("csv", path=path, missing="drop").train) == 42


@pytest.mark.parametrize(
    ("cells", "kind", "said"),
    [
        ([*"1234" * 15, "K", "K"], "category, 5", "taken as texts; no number: 'K' (line 62)"),
        ([*"ab" * 25, *"12" * 3], "category, 4", ""),
        (["5 g", "1 kg"] * 30, "category, 2", "several units (g, kg): taken as texts"),
        (["A1", "A2"] * 30, "category, 2", ""),
        (["1.5M", "20K", "3"] * 20, "category, 3", "several units (M, K): taken as texts"),
        ([*(["none"] * 50), *"1234512345"], "category, 6", ""),
        (["2024-01-05", "2024-02-06"] * 30, "category, 2", ""),
    ],
)
def test_what_is_rather_a_category_stays_one(tmp_path: Path, cells: list[str], kind: str, said: str) -> None:
    found = preview(CsvOptions(path=table(tmp_path, cells)))
    assert dict(found.facts)["a"].startswith(kind)
    assert any(said in note for note in found.notes) if said else found.notes == ()


def test_an_odd_target_is_a_class_or_the_line_is_named(tmp_path: Path) -> None:
    lines = ["x,y", *(f"{n % 7}.5,{n % 12}" for n in range(60)), "1,-", "2,none"]
    path = str(make_table(tmp_path / "t.csv", lines))
    data = prepared("csv", path=path)
    assert data.spec.classes[-2:] == ("-", "none")
    assert data.notes[-1] == (
        "the target 'y': no number, and for mlp and softmax a class: '-' (line 62), 'none' (line 63)"
    )
    with pytest.raises(RunError, match="line 62 has '-' as 'y', the target, which is no number"):
        prepared("csv", "regression", path=path)


def test_regression_names_the_cells_that_make_a_target_text(tmp_path: Path) -> None:
    lines = ["x,y", *(f"{n % 7}.5,{n}" for n in range(9)), "1,low", "2,high"]
    with pytest.raises(RunError, match=r"is text \('low' \(line 11\), 'high' \(line 12\)\), and regression needs"):
        prepared("csv", "regression", path=str(make_table(tmp_path / "t.csv", lines)))


def test_regression_takes_numbers_in_any_way_of_writing(tmp_path: Path) -> None:
    lines = ["x;price", *(f"{n},5;{european(1000 + n)} €" for n in range(30))]
    data = prepared("csv", "regression", path=str(make_table(tmp_path / "t.csv", lines)))
    every = np.concatenate([part.y for part in (data.train, data.validation, data.test)])
    assert sorted(every[:, 0]) == [1000 + n for n in range(30)]


@pytest.mark.parametrize("start", [1_700_000_000, 1_700_000_000_000, 9_007_199_254_000_000])
def test_large_numbers_keep_the_digits_in_which_they_differ(tmp_path: Path, start: int) -> None:
    def lines(offset: int) -> str:
        rows = [f"{offset + 37 * n % 180},{n % 9},{'abc'[37 * n % 180 // 60]}" for n in range(180)]
        return str(make_table(tmp_path / f"{offset}.csv", ["t,b,label", *rows]))

    far, near = prepared("csv", path=lines(start)), prepared("csv", path=lines(0))
    for part in ("train", "validation", "test"):
        scaled = [(d.split(part).x - d.spec.mean) / d.spec.std for d in (far, near)]  # type: ignore[arg-type]
        assert np.allclose(*scaled, atol=1e-4)
    assert any("column 't' has more digits than float32: taken as the distance from " in note for note in far.notes)
    assert near.notes == ()


@pytest.mark.parametrize("start", [1_700_000_000, 1_700_000_000_000])
@pytest.mark.parametrize("option", [{"target": "t"}, {"targets": "t,b"}])
def test_large_targets_keep_the_digits_in_which_they_differ(tmp_path: Path, start: int, option: dict[str, str]) -> None:
    lines = ["t,b,x", *(f"{start + 37 * n % 500},{n % 9},{n % 7}.5" for n in range(500))]
    data = prepared("csv", "regression", path=str(make_table(tmp_path / "t.csv", lines)), **option)
    time = data.spec.targets[0]
    every = np.concatenate([part.y[:, 0] for part in (data.train, data.validation, data.test)])
    assert sorted(every.astype(np.float64) + time.offset) == [start + n for n in range(500)]
    assert any("has more digits than float32: taken as the distance from " in note for note in data.notes)
    if "targets" in option:
        assert time.mean == pytest.approx(data.train.y[:, 0].mean(), abs=1e-3)
        assert time.std == pytest.approx(data.train.y[:, 0].std(), rel=1e-4)


def test_small_differences_are_kept_and_constants_draw_no_note(tmp_path: Path) -> None:
    lines = ["near,same,y", *(f"{0.4 + (37 * n % 100 - 50) * 1e-9:.12f},0.1,{n % 2}" for n in range(100))]
    data = prepared("csv", path=str(make_table(tmp_path / "t.csv", lines)))
    (note,) = data.notes
    assert note.startswith("column 'near' has more digits than float32: taken as the distance from 0.39999999")
    scaled = (data.train.x[:, 0] - data.spec.mean[0]) / data.spec.std[0]
    assert len(np.unique(data.train.x[:, 0])) == len(data.train)
    assert scaled.std() == pytest.approx(1, abs=1e-3)
    (numbers,) = data.inputs["table"]["inputs"]
    assert numbers["offsets"][0] == pytest.approx(0.4, abs=1e-8)
    assert numbers["offsets"][1] == 0


def test_a_constant_target_among_several_keeps_its_units(tmp_path: Path) -> None:
    lines = ["a,b,x", *(f"{n},0.1,{n % 7}.5" for n in range(47))]
    data = prepared("csv", "regression", path=str(make_table(tmp_path / "t.csv", lines)), targets="a,b")
    assert (data.spec.targets[1].std, data.spec.targets[1].offset) == (1.0, 0.0)
