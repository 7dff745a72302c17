"""What `predict` reads is named and cut as training named and cut it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dltui.core.contract import Input
from dltui.core.errors import UsageError
from dltui.core.inputs import given, headings
from dltui.core.inputs.numerals import Style

QUESTION = "How much do you agree with each of these statements about the last four weeks, in general: "
SLEEP, EAT = QUESTION + "[I sleep well]", QUESTION + "[I eat well]"


def numbers(*places: str) -> Input:
    return Input("numbers", (len(places),), "float32", places=places)


def written(folder: Path, text: str) -> str:
    path = folder / "new.csv"
    path.write_text(text)
    return str(path)


def test_long_headings_have_the_names_that_training_gave_them(tmp_path: Path) -> None:
    names = headings.short_names([SLEEP, EAT, "age"])
    assert len(set(names)) == 3
    path = written(tmp_path, f'"{EAT}",age,"{SLEEP}"\n1,2,3\n')
    x, lines = given.read_rows(path, [numbers(*names)])
    assert (x.tolist(), lines) == ([[3, 1, 2]], [2])
    # A table without the other one, too.
    assert given.read_rows(written(tmp_path, f'"{EAT}"\n7\n'), [numbers(names[1])])[0].tolist() == [[7]]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has two columns called 'age'; give one another name"):
        given.read_rows(written(tmp_path, "age,size,age\n1,2,3\n"), [numbers("age")])
    assert given.read_rows(written(tmp_path, "age,size,size\n1,2,3\n"), [numbers("age")])[0].tolist() == [[1]]


def test_long_categories_that_begin_alike_are_two(tmp_path: Path) -> None:
    texts = ("", *headings.categories([SLEEP, EAT, "no answer " * 9]))
    one = Input("categories", (1,), "int32", (4,), places=("says",), texts=(texts,))
    path = written(tmp_path, f'says\n"{EAT}"\n"{SLEEP}"\n{"no answer " * 9}\n"{QUESTION}"\n')
    assert given.read_rows(path, [one])[0].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_steps_below_numbers_of_columns_are_read_without_them(tmp_path: Path) -> None:
    one = Input("steps", (4, 2), padded=True)
    x, _ = given.read(written(tmp_path, "0,1\n0.5,1.5\n2.5,3.5\n"), [one])
    np.testing.assert_allclose(x["steps"][0], [[0.5, 1.5], [2.5, 3.5], [0.0, 0.0], [0.0, 0.0]])
    x, _ = given.read(written(tmp_path, "0,1\n2,3\n"), [one])
    assert x["steps"][0][:2].tolist() == [[0, 1], [2, 3]]


def test_a_text_may_be_longer_than_the_csv_module_reads_by_itself(tmp_path: Path) -> None:
    path = written(tmp_path, "age\n1\n")
    Path(path).write_text(f'age,says\n1,"{"a" * 200_000}"\n')
    assert given.read_rows(path, [numbers("age")])[0].tolist() == [[1]]


def test_a_text_that_means_a_gap_elsewhere_is_itself(tmp_path: Path) -> None:
    """Training knew both: the text "missing", and cells without one."""
    texts = ("", "(missing)", "ice", "missing")
    one = Input("categories", (1,), "int32", (4,), places=("says",), texts=(texts,), gaps=(1,))
    path = written(tmp_path, "says,n\nmissing,1\n,1\nNA,1\n(missing),1\nice,1\nsnow,1\n")
    assert given.read(path, [one])[0]["categories"][:, 0].tolist() == [3, 1, 1, 0, 2, 0]
    # Without gaps in training a cell without a text is one that training did not know.
    one = Input("categories", (1,), "int32", (3,), places=("says",), texts=(("", "ice", "missing"),), gaps=(0,))
    assert given.read(path, [one])[0]["categories"][:, 0].tolist() == [2, 0, 0, 0, 1, 0]
    # Where nothing says so, it is the text.
    one = Input("categories", (1,), "int32", (3,), places=("says",), texts=(("", "ice", "missing"),))
    assert given.read(path, [one])[0]["categories"][:, 0].tolist() == [2, 2, 2, 0, 1, 0]


def test_offsets_are_taken_from_steps_before_they_are_rounded(tmp_path: Path) -> None:
    one = Input("steps", (4, 2), padded=True, offsets=(1.7e9, 0.0))
    x, _ = given.read(written(tmp_path, "time,x\n1700000001,0.5\n1700000002.25,1.5\n"), [one])
    assert x["steps"][0].tolist() == [[1.0, 0.5], [2.25, 1.5], [0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(UsageError, match="line 3 has no 2 numbers"):
        given.read(written(tmp_path, "time,x\n1700000001,0.5\n1700000001\n"), [one])


XY = Input("sequence", (4, 2), padded=True, places=("x", "y"))


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("x,y\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("y,x\n1,2\n3,4\n", [[2, 1], [4, 3]]),
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
    ],
)
def test_steps_are_in_the_order_of_their_names(tmp_path: Path, text: str, steps: list[list[float]]) -> None:
    x, _ = given.read(written(tmp_path, text), [XY])
    assert x["sequence"][0][:2].tolist() == steps


def test_names_are_compared_without_capitals_and_others_keep_their_order(tmp_path: Path) -> None:
    for head, step in (("Y,X", [2, 1]), ("left,right", [1, 2]), ("0,1", [1, 2])):
        x, _ = given.read(written(tmp_path, f"{head}\n1.0,2.0\n"), [XY])
        assert x["sequence"][0][0].tolist() == step
    counted = Input("sequence", (4, 2), padded=True, places=("0", "1"))
    assert given.read(written(tmp_path, "x,y\n1,2\n"), [counted])[0]["sequence"][0][0].tolist() == [1, 2]
    both = Input("sequence", (4, 2), padded=True, places=("x", "X"))
    assert given.read(written(tmp_path, "X,x\n1,2\n"), [both])[0]["sequence"][0][0].tolist() == [2, 1]


@pytest.mark.parametrize("head", ["x,z", "x,y,z", "time,x", "X,z"])
def test_steps_with_other_names_are_refused(tmp_path: Path, head: str) -> None:
    with pytest.raises(UsageError, match=r"has the columns .*; this model takes x, y: name them so"):
        given.read(written(tmp_path, f"{head}\n1,2\n"), [XY])


def test_names_say_nothing_of_features_that_had_none_or_of_a_single_one(tmp_path: Path) -> None:
    nameless = Input("sequence", (4, 2), padded=True, places=("feature 1", "feature 2"))
    assert given.read(written(tmp_path, "a,b\n1,2\n"), [nameless])[0]["sequence_length"].tolist() == [1]
    single = Input("sequence", (4, 1), padded=True, places=("x",))
    assert given.read(written(tmp_path, "a\n1\n2\n"), [single])[0]["sequence_length"].tolist() == [2]


def test_numbers_that_training_knew_as_names_are_no_step(tmp_path: Path) -> None:
    one = Input("sequence", (4, 3), padded=True, places=("400", "410", "420"))
    x, _ = given.read(written(tmp_path, "400,410,420\n1,2,3\n"), [one])
    assert (x["sequence"][0][0].tolist(), x["sequence_length"].tolist()) == ([1, 2, 3], [1])


def test_steps_have_the_decimal_commas_of_training_and_only_the_first_line_is_names(tmp_path: Path) -> None:
    one = Input("sequence", (4, 2), padded=True, places=("x", "y"), styles=("comma", "comma"))
    x, _ = given.read(written(tmp_path, "x;y\n0,5;1,5\n1.000;2\n"), [one])
    assert x["sequence"][0][:2].tolist() == [[0.5, 1.5], [1000, 2]]
    for text in ("x;y\n0,5;1,5\n1;2\n", "x;y\na;b\n1;2\n", "x;y\nNA;NA\n1;2\n"):
        with pytest.raises(UsageError, match="line 2 has no 2 numbers, the features of a step"):
            given.read(written(tmp_path, text), [XY])
    with pytest.raises(UsageError, match="line 1 has no 2 numbers"):
        given.read(written(tmp_path, "nan,nan\n1,2\n"), [XY])


AB = (
    Input("numbers", (1,), places=("a",)),
    Input("categories", (1,), "int32", (3,), places=("b",), texts=(("", "ice", "Köln"),)),
)


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes("a,b\n1,Köln\n".encode("latin1"))
    with pytest.raises(UsageError, match=r"new\.csv is not UTF-8 text; save it as UTF-8"):
        given.read(str(path), AB)


def test_a_quotation_mark_that_is_never_closed_loses_no_rows(tmp_path: Path) -> None:
    for text in ('a,b\n1,ice\n2,"bad, said she\n3,ice\n4,ice\n', 'a,b\n1,ice\n2,"bad'):
        with pytest.raises(UsageError, match="line 3 opens a quotation mark that is never closed"):
            given.read(written(tmp_path, text), AB)
    assert len(given.read(written(tmp_path, "a,b\n1,ice\n3,end"), AB)[0]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\na;b\n1;ice\n2;Köln\n",
        "# exported\n# by me\na,b\n1,ice\n2,Köln\n",
        "#a,b\n1,ice\n2,Köln\n",
        'a,b\n"r1",1,ice\n"r2",2,Köln\n',
        'a;b;"Länge, mm";"Breite, mm"\n1;ice;0;0\n2;Köln;0;0\n',
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_tables_are_read_as_training_reads_them(tmp_path: Path, text: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes(pack(text.encode()))
    x, _ = given.read(str(path), AB)
    assert (x["numbers"].tolist(), x["categories"].tolist()) == ([[1], [2]], [[1], [2]])


def test_a_comment_between_rows_is_refused_as_it_may_be_meant_for_one(tmp_path: Path) -> None:
    for text, place in (("a,b\n1,ice\n# half of it\n2,Köln\n", 3), ("a,b\n#fun,ice,now\n1,ice\n2,ice\n", 2)):
        with pytest.raises(UsageError, match=f"line {place} begins with # and has not as many cells as others"):
            given.read(written(tmp_path, text), AB)
    with pytest.raises(UsageError, match="line 3 has 3 cells, the first has 2"):
        given.read(written(tmp_path, 'a,b\n1,ice\n"#fun",love,it\n2,Köln\n'), AB)


SPEED = '"speed"\n"1",10\n"2",20\n'


@pytest.mark.parametrize("style", ["point", "comma", "grouped"])
def test_a_single_column_of_numbers_has_names_of_rows(tmp_path: Path, style: Style) -> None:
    one = Input("numbers", (1,), "float32", places=("speed",), styles=(style,))
    x, lines = given.read_rows(written(tmp_path, SPEED), [one])
    assert (x.tolist(), lines) == ([[10], [20]], [2, 3])
    one = Input("categories", (1,), "int32", (3,), places=("speed",), texts=(("", "10", "20"),))
    assert given.read(written(tmp_path, SPEED), [one])[0]["categories"].tolist() == [[1], [2]]


TEXT = Input("text", (30,), "int32", (258,), padded=True, tokens="byte", places=("review",))


@pytest.mark.parametrize(
    ("rows", "lengths"),
    [
        (["Good", "Nice", "Bad; boring"], [4, 4, 11]),
        (["nice; good", "bad; dull"], [10, 9]),
        (["a,b", "c,d"], [3, 3]),
        (["#fun, love it", "Nice"], [13, 4]),
    ],
)
def test_a_header_without_a_separator_is_one_column(tmp_path: Path, rows: list[str], lengths: list[int]) -> None:
    x, lines = given.read(written(tmp_path, "\n".join(["review", *rows, ""])), [TEXT])
    assert (x["text_length"].tolist(), lines) == (lengths, list(range(2, 2 + len(rows))))


def test_a_separator_that_is_said_makes_no_names_of_rows_of_a_single_column(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 3 has 2 cells, the first has 1"):
        given.read(written(tmp_path, "sep=;\nreview\nnice; good\nbad; dull\n"), [TEXT])


def test_the_separator_is_that_by_which_the_header_has_the_columns_of_training(tmp_path: Path) -> None:
    path = written(tmp_path, "genres,price\na|b|c,9.5\nb|c|d,1\n")
    assert given.read_rows(path, [numbers("price")])[0].tolist() == [[9.5], [1]]
    path = written(tmp_path, "# by me\n#genres,price\na|b|c,9.5\nb|c|d,1\n")
    assert given.read_rows(path, [numbers("price")])[0].tolist() == [[9.5], [1]]


def test_a_header_that_begins_like_a_comment_is_known_by_the_columns_of_training(tmp_path: Path) -> None:
    categories = Input("categories", (1,), "int32", (3,), places=("% fat",), texts=(("", "low", "high"),))
    x, _ = given.read(written(tmp_path, "% fat,kind\nlow,a\nhigh,b\n"), [categories])
    assert x["categories"][:, 0].tolist() == [1, 2]
    path = written(tmp_path, "# exported, by me\nspeed,dist\n1,2\n")
    assert given.read_rows(path, [numbers("speed", "dist")])[0].tolist() == [[1, 2]]


def test_a_heading_that_begins_with_the_marks_of_a_zip_archive_is_one(tmp_path: Path) -> None:
    path = tmp_path / "new.xlsx"
    path.write_text("PK,a\n1,2\n")
    assert given.read_rows(str(path), [numbers("PK", "a")])[0].tolist() == [[1, 2]]


def test_a_column_of_nothing_is_no_name_of_a_row(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 2 has 3 cells, the first has 2"):
        given.read(written(tmp_path, "a,b\n1,ice,\n2,ice,\n"), AB)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"PAR1" + bytes(range(99)), "is a parquet file: save it as CSV"),
        (b"PK\x03\x04 xl/workbook.xml", "is an Excel workbook: save its sheet as CSV"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "is compressed and damaged"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-8] + b"\0" * 8, "is compressed and damaged: CRC check failed"),
        (bz2.compress(b"a,b\n1,2\n")[:20] + b"\0" * 40, "is compressed and damaged: Invalid data stream"),
        (b'{"a": 1, "b": "ice"}\n{"a": 2, "b": "ice"}\n', "is JSON: save it as CSV"),
    ],
)
def test_files_that_are_no_such_table_are_named(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "new.csv").write_bytes(content)
    with pytest.raises(UsageError, match=line):
        given.read(str(tmp_path / "new.csv"), AB)


def test_what_cannot_be_opened_or_is_too_large_for_the_memory_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="cannot be read: embedded null byte"):
        given.read("new\0.csv", AB)

    def full(*arguments: object) -> None:
        raise MemoryError

    (tmp_path / "new.csv").write_bytes(gzip.compress(b"a,b\n1,ice\n"))
    monkeypatch.setattr(gzip, "open", full)
    with pytest.raises(MemoryError):
        given.read(str(tmp_path / "new.csv"), AB)


def test_a_packed_table_has_a_text_in_each_row(tmp_path: Path) -> None:
    one = Input("text", (9,), "int32", (258,), padded=True, tokens="byte", places=("t",))
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress(b't,n\n"a\r\nb",1\nc,2\n'))
    x, lines = given.read(str(tmp_path / "new.csv.gz"), [one])
    assert lines == [3, 4]
    # As many tokens as in training, which changes no line ends.
    assert x["text_length"].tolist() == [4, 1]
