"""Tables as programs write them: compressed, with comments, of other formats; and which line has the names."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dltui.core.contract import Input
from dltui.core.errors import RunError
from dltui.core.inputs.given import read_rows
from dltui.core.inputs.headings import short_names
from dltui.plugins.datasets.sequences.steps import of_table
from dltui.plugins.datasets.tables import columns, text
from dltui.plugins.datasets.tables.dataset import preview
from dltui.plugins.datasets.tables.files import ParquetFile
from dltui.plugins.datasets.tables.options import CsvOptions
from dltui.plugins.datasets.tables.roles import choose
from dltui.plugins.datasets.tables.table import look_through
from tests.helpers.own_data import make_table, prepared

ROWS = [f"{n}.5,{3 * n % 11},{('oak', 'elm')[n % 2]}" for n in range(40)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def names(tmp_path: Path, lines: list[str]) -> list[str] | None:
    """The names in the first line; None where it is taken for data."""
    found = look_through(str(make_table(tmp_path / "t.csv", lines)), "auto")
    return [column.name for column in found.columns] if found.has_header else None


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv", "t.tsv.bz2", "t.csv.xz"])
def test_compressed_files_are_read(tmp_path: Path, name: str) -> None:
    pack: dict[str, Any] = {"gz": gzip.compress, "csv": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    (tmp_path / name).write_bytes(pack[name.split(".")[-1]]("\n".join(["a,b,kind", *ROWS]).encode()))
    assert len(prepared("csv", path=str(tmp_path / name)).train) == 28


def workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")


def spreadsheet(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("t.csv", "a,b\n1,2\n")


def cut_off(path: Path) -> None:
    path.write_bytes(gzip.compress("\n".join(ROWS).encode())[:-20])


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("t.xlsx", workbook, r"t.xlsx is an Excel workbook: save its sheet as CSV \(UTF-8\)"),
        ("t.csv", workbook, "is an Excel workbook"),
        ("t.xlsx", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(range(256))), "is an Excel workbook"),
        ("t.xls", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" * 9), "is an old Excel workbook"),
        ("t.ods", spreadsheet, "is a spreadsheet: save its sheet as CSV"),
        ("t.zip", archive, "is a zip archive: unpack it"),
        ("t.gz", cut_off, "is compressed and damaged"),
        ("t.gz", lambda path: path.write_bytes(b"\x1f\x8b nothing at all"), "is compressed and damaged"),
        ("t.npy", lambda path: path.write_bytes(b"\x93NUMPY\1\0"), "is a NumPy array"),
        ("t.db", lambda path: path.write_bytes(b"SQLite format 3\0"), "is a database"),
        ("t.csv", lambda path: path.write_text("a,b\n1,2\n", "utf-16"), "is text in UTF-16: save it as UTF-8"),
    ],
)
def test_other_formats_are_named_with_what_to_do(
    tmp_path: Path, name: str, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(RunError, match=words) as caught:
        prepared("csv", path=str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_parquet_is_read_or_names_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        path.write_bytes(b"PAR1" + bytes(range(256)))
        with pytest.raises(RunError, match=r"t\.parquet is a parquet file: pip install pyarrow"):
            prepared("csv", path=str(path))
        return
    columns = {
        "size": [None if n == 7 else n / 2 for n in range(40)],
        "soil": ["clay" if n % 3 else "sand" for n in range(40)],
        "kind": [n % 2 == 0 for n in range(40)],
        "__index_level_0__": list(range(40)),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    found = preview(CsvOptions(path=str(path), target="kind"))
    facts = dict(found.facts)
    assert facts["size"] == "number, 0 to 19.5, 1 missing"
    assert facts["__index_level_0__"] == "left out: the index that pandas wrote"
    assert prepared("csv", path=str(path), target="kind").spec.classes == ("False", "True")
    path.write_bytes(b"PAR1" + bytes(range(256)))
    with pytest.raises(RunError, match=r"cannot read .*t\.parquet"):
        prepared("csv", path=str(path))


@pytest.mark.parametrize(
    ("above", "notes"),
    [
        (["sep=,"], ()),
        (['"sep=,"'], ()),
        (["# exported 2024", "# by me, and you"], ("the first 2 lines are comments and left out",)),
        (["% exported", "", "% twice"], ("the first 3 lines are comments and left out",)),
        (["// exported"], ("the first line is a comment and left out",)),
        (["sep=,", "# exported"], ("the first line is a comment and left out",)),
    ],
)
@pytest.mark.parametrize("header", [["a,b,kind"], []])
def test_lines_above_the_table(tmp_path: Path, above: list[str], notes: tuple[str, ...], header: list[str]) -> None:
    path = str(make_table(tmp_path / "t.csv", [*above, *header, *ROWS]))
    found = look_through(path, "auto")
    assert (found.rows, found.has_header, len(found.columns)) == (40, bool(header), 3)
    assert preview(CsvOptions(path=path)).notes == notes


def test_a_separator_that_is_said_is_obeyed_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    lines = ["SEP=|", "a|b,c|kind", *(f"{n}|{n % 5},5|{n % 2}" for n in range(40)), "1|2"]
    with pytest.raises(RunError, match="line 43 has 2 columns, the first has 3; complete it or remove it"):
        prepared("csv", path=str(make_table(tmp_path / "t.csv", lines)))
    assert names(tmp_path, lines[:-1]) == ["a", "b,c", "kind"]


def test_comments_between_rows_and_a_marked_header(tmp_path: Path) -> None:
    assert names(tmp_path, ["## a comment", "#a,b,kind", *ROWS]) == ["a", "b", "kind"]
    path = str(make_table(tmp_path / "t.csv", ["a,b,kind", *ROWS[:20], "# half of it", *ROWS[20:]]))
    assert preview(CsvOptions(path=path)).notes == ("comments between the rows are left out: 1",)
    assert len(prepared("csv", path=path).train) == 28
    colors = [f"#{n:06x},{n % 7},{'ab'[n % 2]}" for n in range(200)]
    assert look_through(str(make_table(tmp_path / "c.csv", colors)), "auto").rows == 200


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["6,9;6,6;virgi", "5,1;4,9;versi", "5,2;4,4;virgi"], 3),
        (["6,9;6,6;1,5", "5,1;4,9;2,5", "5,2;4,4;3,5"], 3),
        (["a;b;label", "6,9;6,6;x", "5,1;4,9;y"], 3),
        (["a,b;c,label", "1,x;y,u", "2,z;y,v"], 3),
        (["a\tb\tlabel", "1,5\t2,5\tx, y", "1,5\t2,5\tz"], 3),
        (["name;x;y", '"Doe, John";1;2', '"Roe, Jane";3;4'], 3),
        (["name,x,y", '"Doe; John",1,2', '"Roe; Jane",3,4'], 3),
    ],
)
def test_the_separator_is_that_which_leaves_nothing_to_cut(tmp_path: Path, lines: list[str], expected: int) -> None:
    assert len(look_through(str(make_table(tmp_path / "t.csv", lines)), "auto").columns) == expected


@pytest.mark.parametrize(
    ("first", "rows", "is_header"),
    [
        ("0,1,2,label", [f"{n}.5,{n % 3}.1,{n}.2,{'ab'[n % 2]}" for n in range(30)], True),
        ("0,1,2,3", [f"{n}.5,{n % 3}.1,{n}.2,{n % 2}" for n in range(30)], True),
        ("0,1,2,kind", [f"{n}.5,{n % 3}.1,{n}.2,{'ab'[n % 2]}" for n in range(30)], True),
        ("2019,2020,2021,label", [f"{n}.5,{n % 3}.1,{n}.2,{'ab'[n % 2]}" for n in range(30)], True),
        ("country,2000,2005,2010", [f"land {n},{n % 3}.1,{n}.2,{n % 2}" for n in range(30)], True),
        ("400.5,410.2,420.1,431.7,440.2,kind", [f"{n % 7},3.1,{n % 5},1.2,9,{'ab'[n % 2]}" for n in range(30)], True),
        ("1,2,y", [f"{n}.5,{n % 3}.1,{n % 2}" for n in range(30)], True),
        ("color,shape,kind", [f"{'rgb'[n % 3]},{'xy'[n % 2]},{'pe'[n % 2]}" for n in range(30)], True),
        (",a,label", [f"{n},{n % 3}.1,{'ab'[n % 2]}" for n in range(30)], True),
        ("5.1,3.5,1.4,setosa", [f"{n}.5,{n % 3}.1,{n}.2,{('setosa', 'b')[n % 2]}" for n in range(30)], False),
        ("x,s,n", [f"{'xyz'[n % 3]},{'st'[n % 2]},{'nm'[n % 2]}" for n in range(30)], False),
        ("1,2,3,4", [f"{n},{n + 1},{n + 2},{n + 3}" for n in range(2, 30)], False),
        ("1990,2004,a", [f"{1950 + n},{1980 + n},{'ab'[n % 2]}" for n in range(30)], False),
        ("5,0,0,0,0,0", [f"{n % 10},0,{n},0,0,{n}" for n in range(30)], False),
        ("6,9;6,6;virgi", [f"{n % 9},9;{n % 7},6;{('virgi', 'versi')[n % 2]}" for n in range(30)], False),
    ],
)
def test_a_header_is_told_by_what_stands_below_it(tmp_path: Path, first: str, rows: list[str], is_header: bool) -> None:
    assert (names(tmp_path, [first, *rows]) is not None) == is_header


def test_the_option_says_what_is_a_header(tmp_path: Path) -> None:
    path = str(make_table(tmp_path / "t.csv", ["0,1,2,label", *(f"{n}.5,1,2,{'ab'[n % 2]}" for n in range(30))]))
    assert look_through(path, "no").rows == 31
    assert look_through(path, "yes").rows == 30


def test_names_of_rows_as_r_writes_them(tmp_path: Path) -> None:
    lines = ['"mpg" "cyl"'.replace(" ", ","), *(f'"car {n}",{n}.5,{n % 3}' for n in range(40))]
    assert names(tmp_path, lines) == ["column 1", "mpg", "cyl"]


def parquet(path: Path, columns: dict[str, Any], index: list[Any]) -> str:
    """A file as pandas writes it, with the names of the index in the metadata."""
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    told = {"pandas": json.dumps({"index_columns": index, "columns": []})}
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata(told), path)
    return str(path)


SIZES = {"size": [n / 2 for n in range(40)], "kind": ["ab"[n % 2] for n in range(40)]}


@pytest.mark.parametrize("name", ["__index_level_0__", "id", "target"])
def test_the_index_of_a_data_frame_is_neither_target_nor_feature(tmp_path: Path, name: str) -> None:
    path = parquet(tmp_path / "t.parquet", {**SIZES, name: [(7 * n) % 40 for n in range(40)]}, [name])
    data = prepared("csv", path=path)
    assert (data.spec.classes, data.spec.input_shape) == (("a", "b"), (1,))
    assert data.notes == (f"column '{name}' is left out: the index that pandas wrote",)
    assert dict(preview(CsvOptions(path=path)).facts)[name] == "left out: the index that pandas wrote"
    chosen = prepared("csv", "regression", path=path, target=name)
    assert chosen.spec.input_shape == (3,)
    assert not chosen.notes


def test_an_index_can_tell_sequences_apart(tmp_path: Path) -> None:
    columns = {"x": [float(n) for n in range(40)], "kind": ["ab"[n // 2 % 2] for n in range(40)]}
    path = parquet(tmp_path / "t.parquet", {**columns, "id": [n // 2 for n in range(40)]}, ["id"])
    found = of_table(Path(path), "", "")
    assert (len(found.steps), found.places, set(found.targets)) == (20, ("x",), {"a", "b"})


def test_an_index_that_is_a_range_and_damaged_metadata_change_nothing(tmp_path: Path) -> None:
    for told in ([{"kind": "range", "start": 0}], "x", [["a"]]):
        path = parquet(tmp_path / "t.parquet", SIZES, told)  # type: ignore[arg-type]
        assert prepared("csv", path=path).spec.classes == ("a", "b")


def test_a_date_out_of_range_is_told_with_file_and_column(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    path = parquet(tmp_path / "t.parquet", {"when": pyarrow.array([2**62] * 40, pyarrow.timestamp("us")), **SIZES}, [])
    with pytest.raises(
        RunError, match=r"t\.parquet: column 'when' cannot be read: .*; correct that column or leave it"
    ):
        prepared("csv", path=path)


def test_long_texts_are_read(tmp_path: Path) -> None:
    lines = ["text,kind", *(f'"{"word " * 40_000}, {n}",{"ab"[n % 2]}' for n in range(20))]
    found = look_through(str(make_table(tmp_path / "t.csv", lines)), "auto")
    assert (found.rows, len(found.columns), found.columns[0].kind) == (20, 2, "text")


QUESTION = "Please say how much you agree with each of the following statements about your everyday life at home: "


def test_headings_that_begin_alike_keep_their_ends(tmp_path: Path) -> None:
    lines = [f"{QUESTION}I sleep,{QUESTION}I eat,kind", *ROWS]
    path = str(make_table(tmp_path / "t.csv", lines))
    short = [column.name for column in look_through(path, "auto").columns]
    assert short[0].startswith("Please say how much")
    assert short[0].endswith("at home: I sleep")
    assert len(set(short)) == 3
    assert max(map(len, short)) == 100
    assert prepared("csv", path=path, drop=f"{QUESTION}I eat").spec.input_shape == (1,)
    with pytest.raises(RunError, match="two columns called 'Please say"):
        look_through(str(make_table(tmp_path / "t.csv", [f"{QUESTION}I eat,{QUESTION}I eat,kind", *ROWS])), "auto")


def test_headings_that_begin_and_end_alike_are_numbered() -> None:
    full = [f"{QUESTION}{word}{QUESTION}" for word in ("sleep", "eat")]
    assert [name[-4:] for name in short_names([*full, "kind"])] == [" (1)", " (2)", "kind"]


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:20],
        lambda lines: [*lines, "1.5,2,oak"],
        lambda lines: [*lines, "1.5,2"],
        lambda lines: [*lines[:-1], "9.25,10,oak"],
        lambda lines: [*lines[:-1], "39.5,10,pine"],
        lambda lines: [*lines[:-1], "39.5,10,7.25"],
    ],
)
def test_a_table_that_changes_between_the_two_times_it_is_read(
    tmp_path: Path, task: Any, change: Callable[[list[str]], list[str]]
) -> None:
    lines = ["a,b,kind", *ROWS]
    path = make_table(tmp_path / "t.csv", lines)
    target = "kind" if task == "classification" else "a"
    choice = choose(look_through(str(path), "auto"), CsvOptions(path=str(path), target=target))
    make_table(path, change(lines))
    with pytest.raises(RunError, match=r"t\.csv changed while it was read; try again"):
        columns.read(choice, task)


def test_a_column_of_texts_that_changes_between_the_two_times_it_is_read(tmp_path: Path) -> None:
    lines = ["text,kind", *(f"a long text {n},{'ab'[n % 2]}" for n in range(40))]
    path = make_table(tmp_path / "t.csv", lines)
    table = look_through(str(path), "auto")
    make_table(path, [*lines, "one more,a"])
    with pytest.raises(RunError, match="changed while it was read"):
        text.prepare(table, CsvOptions(path=str(path)), "classification")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 5.1, "b": 3.5, "kind": "x"}\n{"a": 4.9, "b": 3.0, "kind": "y"}\n', r"is JSON: save it as CSV"),
        ('\ufeff[\n  {"a": 5.1, "kind": "x"},\n  {"a": 4.9, "kind": "y"}\n]\n', "is JSON"),
        ("[[1, 2], [3, 4]]", "is JSON"),
        ("<!DOCTYPE html>\n<html><td>a,b</td></html>\n", "is a web page or XML: save its table as CSV"),
        ('<?xml version="1.0"?>\n<a b="1,2"/>\n', "is a web page or XML"),
    ],
)
def test_texts_of_other_formats_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(RunError, match=words):
        prepared("csv", path=str(tmp_path / "t.csv"))


def test_headings_in_brackets_are_no_json(tmp_path: Path) -> None:
    assert names(tmp_path, ["[a],[b],[kind]", *ROWS]) == ["[a]", "[b]", "[kind]"]


@pytest.mark.parametrize("first", ["%fat", "% silica", "//path"])
def test_a_heading_that_begins_like_a_comment_is_one(tmp_path: Path, first: str) -> None:
    """In training and in `dltui predict`."""
    path = make_table(tmp_path / "t.csv", [f"{first},age,y", *(f"{n}.5,{3 * n % 11},{n % 3}" for n in range(40))])
    found = look_through(str(path), "auto")
    assert ([column.name for column in found.columns], found.notes) == ([first, "age", "y"], [])
    x, _ = read_rows(str(path), [Input("numbers", (2,), places=(first, "age"))])
    assert x[:2].tolist() == [[0.5, 0], [1.5, 3]]


@pytest.mark.parametrize("mark", ["%", "//"])
def test_prose_with_as_many_cells_as_the_header_below_it_is_a_comment(tmp_path: Path, mark: str) -> None:
    path = str(make_table(tmp_path / "t.csv", [f"{mark} exported 2024-01-01, by me, here", "a,b,kind", *ROWS]))
    found = look_through(path, "auto")
    assert ([column.name for column in found.columns], found.rows) == (["a", "b", "kind"], 40)
    assert found.notes == ["the first line is a comment and left out"]


def test_a_quoted_text_is_no_comment_between_rows(tmp_path: Path) -> None:
    for row in ('"#fun",2', "% fun", "// fun"):
        path = str(make_table(tmp_path / "t.csv", ["a,b,kind", *ROWS[:20], row, *ROWS[20:]]))
        with pytest.raises(RunError, match=r"line 22 has . columns?, the first has 3"):
            look_through(path, "auto")


def test_prose_does_not_decide_how_numbers_are_written(tmp_path: Path) -> None:
    rows = [f"Ann {n},{1 + n % 3}.{n % 9 + 1}00,{'ab'[n % 2]}" for n in range(40)]
    found = look_through(str(make_table(tmp_path / "t.csv", ["name,density,kind", *rows, '"3,5",1.034,a'])), "auto")
    assert found.columns[1].numerals.style == "point"
    # As far as another column has numbers with commas, they do.
    rows = [f'"{n},5",{1 + n % 3}.{n % 9 + 1}00,{"ab"[n % 2]}' for n in range(40)]
    found = look_through(str(make_table(tmp_path / "t.csv", ["size,density,kind", *rows])), "auto")
    assert found.columns[1].numerals.style == "comma"


def test_gaps_of_nullable_columns_are_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    columns = {"size": pandas.array([1, None] * 20, "Int64"), "sure": pandas.array([True, None] * 20, "boolean")}
    frame = pandas.DataFrame({**columns, "kind": [*"ab"] * 20})
    monkeypatch.setattr(pandas, "read_parquet", lambda path: frame)
    rows = list(ParquetFile(tmp_path / "t.parquet")._cells_of_pandas())
    assert rows[:3] == [["size", "sure", "kind"], (1, True, "a"), (None, None, "b")]
