"""What `predict` reads is named and cut as training named and cut it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.core.contract import Input
from dltui.core.errors import UsageError
from dltui.core.inputs import given, headings

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
