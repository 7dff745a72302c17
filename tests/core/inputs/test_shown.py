"""Samples as they are shown, read for predictions, and refused where a model cannot take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltui.core.contract import Input, Spec, Split
from dltui.core.errors import UsageError
from dltui.core.inputs import given, kinds, shown
from dltui.core.inputs.records import pack
from dltui.core.text import clean_line
from dltui.core.train import predictions

NUMBERS = Input("numbers", (2,), places=("age", "pay"))
CITY = Input("categories", (1,), "int32", (3,), places=("city",), texts=(("", "Oslo", "Rome"),))
TEXT = Input("text", (4,), "int32", (4,), padded=True, tokens="word", texts=(("good", "bad"),))
PATH = Input("sequence", (100, 1), padded=True)


def of(named: tuple[Input, ...], **x: object) -> dict[str, np.ndarray]:
    spec = Spec("classification", (), 2, ("a", "b"), named_inputs=named)
    return shown.of(pack("test", x, named), spec, np.array([0]))


def test_the_fields_of_a_row_in_its_own_units() -> None:
    found = of((NUMBERS, CITY), numbers=[[34, 2.5]], categories=[[2]])
    assert found["texts"].tolist() == [b"age 34\npay 2.5\ncity Rome"]
    hostile = Input("numbers", (1,), places=("pay\x1b[2J",))
    assert b"\x1b" not in of((hostile,), numbers=[[1.0]])["texts"][0]
    far = replace(NUMBERS, offsets=(1_700_000_000.0, 0.0))
    assert of((far,), numbers=[[34.25, 2.5]])["texts"].tolist() == [b"age 1700000034.25\npay 2.5"]
    unknown = of((CITY,), categories=[[0]])
    assert unknown["texts"].tolist() == [b"city (unknown)"]


def test_texts_and_sequences() -> None:
    assert of((TEXT,), text=[[2, 1, 3]])["texts"].tolist() == ["good ▯ bad".encode()]
    lines = of((PATH,), sequence=[np.arange(50.0)[:, None]])["lines"]
    assert lines.shape == (1, 1, shown.POINTS)
    assert np.nanmax(lines) <= 49
    assert np.isnan(lines[0, 0, -1])


def test_steps_of_several_tokens_are_not_a_text() -> None:
    pairs = Input("sequence", (3, 2), "int32", (9,), padded=True)
    assert "texts" not in of((pairs,), sequence=[[[1, 2], [3, 4]]])


def test_of_a_long_sequence_the_steps_that_are_shown_are_kept() -> None:
    found = of((PATH,), sequence=[np.arange(100.0)[:, None]])
    assert found["steps"][[0, -1]].tolist() == [0, 99]
    assert found["lines"][0, 0].tolist() == found["steps"].tolist()


def test_a_predictions_file_shows_what_is_wrong() -> None:
    spec = Spec("classification", (), 2, ("a", "b"), named_inputs=(TEXT,))
    split = Split(pack("test", {"text": [[2], [3]]}, (TEXT,)), np.array([0, 0]), np.arange(2))
    found = predictions.collect("classification", np.array([[1.0, 0.0], [0.0, 1.0]]), split, "test", 1, spec)
    assert found["wrong"].tolist() == [1]
    assert found["texts"].tolist() == [b"bad"]


def test_what_predict_reads(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("age;pay;city;more\n34;2;Rome;9\n\n35;3;Bonn;9\n")
    x, lines = given.read(str(file), (NUMBERS, CITY))
    assert (x["numbers"].tolist(), x["categories"].tolist(), lines) == ([[34, 2], [35, 3]], [[2], [0]], [2, 4])
    file.write_text("good bad " * 9)
    assert given.read(str(file), (TEXT,))[0]["text"].tolist() == [[2, 3, 2, 3]]
    file.write_text("value\n1\n2\n")
    assert given.read(str(file), (PATH,))[0]["sequence_length"].tolist() == [2]


def test_predict_reads_a_text_of_each_row(tmp_path: Path) -> None:
    table, text = tmp_path / "x.csv", replace(TEXT, places=("review",))
    table.write_text("stars,review\n1,good bad\n0,bad\n")
    x, lines = given.read(str(table), (text,))
    assert (x["text"][:, :2].tolist(), x["text_length"].tolist(), lines) == ([[2, 3], [3, 0]], [2, 1], [2, 3])
    table.write_text("good bad")
    with pytest.raises(UsageError, match="has no column 'review'; its first line names the columns"):
        given.read(str(table), (text,))
    for content, line in ((b" \n", "x.txt is empty"), (b"\x00\x01", "x.txt is no text")):
        (tmp_path / "x.txt").write_bytes(content)
        with pytest.raises(UsageError, match=line):
            given.read(str(tmp_path / "x.txt"), (text,))


def test_predict_reads_a_row_as_training_did(tmp_path: Path) -> None:
    """Offsets, gaps, decimal commas, spaces behind separators, quoted line ends and long names."""
    name = "n" * 250
    numbers = replace(
        NUMBERS, places=(clean_line(name, 100), "pay"), offsets=(1e9, 0.0), fills=(0.5, 7.0), styles=("point", "comma")
    )
    gaps = replace(CITY, texts=(("", "missing", "Rome"),))
    file = tmp_path / "x"
    file.write_text(f'{name}| pay| city| note\n1000000003| 1.234,5| Rome| "two\nlines"\nn/a| -| ?| x\n')
    x, lines = given.read(str(file), (numbers, gaps))
    assert x["numbers"].tolist() == [[3.0, 1234.5], [0.5, 7.0]]
    assert x["categories"].tolist() == [[2], [1]]
    assert lines == [3, 4]


@pytest.mark.parametrize(
    ("named", "text", "line"),
    [
        ((NUMBERS,), "age\n1\n", "has no column 'pay'; its first line names the columns"),
        ((CITY,), "city\n", "has no rows"),
        ((NUMBERS,), "age,pay\n1,1e300\n", "line 2 has '1e300' as 'pay', which is no number"),
        ((NUMBERS,), "age,pay\n1,NA\n", "line 2 has no 'pay', and this model knows no gaps; fill it in"),
        ((PATH,), "1\n1e39\n", "line 2 has no 1 numbers"),
        ((NUMBERS,), f"age,pay\n1,{'9' * 140_000}\n", "line 2 has '9999.* as 'pay', which is no number"),
        ((PATH,), "1\nx\n", "line 2 has no 1 numbers, the features of a step"),
        ((PATH,), "", "has no steps"),
        ((PATH, TEXT), "", "this model takes sequence, text, which no such file tells"),
    ],
)
def test_what_predict_refuses(tmp_path: Path, named: tuple[Input, ...], text: str, line: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(UsageError, match=line):
        given.read(str(tmp_path / "x"), named)


def test_a_model_gets_only_what_it_takes() -> None:
    assert kinds.kind_of(()) == "single"
    assert kinds.kind_of((NUMBERS, CITY)) == "table"
    assert kinds.kind_of((TEXT,)) == kinds.kind_of((PATH,)) == "sequence"
    assert kinds.kind_of((NUMBERS, TEXT)) == "table"
    assert kinds.kind_of((NUMBERS, PATH)) == "named"
    assert kinds.kind_of((Input("numbers", (5, 2)),)) == "sequence"
    assert kinds.kind_of((Input("numbers", (5, 2)), CITY)) == "named"
    kinds.check("net", ("named",), "data", ("sequence",), ())
    with pytest.raises(UsageError, match=r"model mlp takes a single input, .*, dataset w gives sequences; choose lstm"):
        kinds.check("mlp", ("single",), "w", ("sequence",), ["lstm"])
    with pytest.raises(
        UsageError, match=r'choose lstm, or write takes=\("sequence",\) into the Model if it is made for'
    ):
        kinds.check("mine", ("single",), "w", ("sequence",), ["lstm"], ["model"])
    with pytest.raises(UsageError, match=r'choose mlp, or write gives=\("named",\) into the Dataset if it has them'):
        kinds.check("net", ("named",), "mine", ("single",), ["mlp"], ["dataset"])
    assert kinds.label((NUMBERS, PATH)) == "numbers 2 + sequence 100 × 1"
