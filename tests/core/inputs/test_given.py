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
