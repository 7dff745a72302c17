"""Named inputs become records, or are refused with the input and the sample that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Arrays, Input, Spec
from dltui.core.data.arrays import checked, make_spec
from dltui.core.data.streaming import Stream, can_stream
from dltui.core.errors import RunError
from dltui.core.inputs.records import as_rows, pack, record_type, zeros

NUMBERS = Input("numbers", (2,))
COLORS = Input("colors", (2,), "int32", vocabulary=(3, 4))
PATH = Input("path", (4, 2), padded=True)
WORDS = Input("words", (5,), "int32", vocabulary=(10,), padded=True)
PHOTO = Input("photo", (3, 3, 1), "uint8")
TABLE = (NUMBERS, COLORS, PHOTO)


def table(rows: int = 4, **changes: Any) -> dict[str, Any]:
    photos = np.ones((rows, 3, 3, 1), np.uint8)
    return {"numbers": np.ones((rows, 2)), "colors": np.ones((rows, 2), np.int64), "photo": photos, **changes}


def test_a_sample_is_a_record_whose_fields_are_its_inputs() -> None:
    found = pack("train", table(), TABLE)
    assert found.shape == (4,)
    assert found["numbers"].dtype == np.float32
    assert found["colors"].tolist() == [[1, 1]] * 4
    assert found["photo"].shape == (4, 3, 3, 1)
    assert found.dtype.itemsize % 4 == 0


def test_records_that_are_given_are_taken_as_they_are() -> None:
    given = zeros((NUMBERS, WORDS), 3)
    assert pack("train", given, (NUMBERS, WORDS)) is given


def test_sequences_of_different_lengths_are_padded_and_their_lengths_kept() -> None:
    found = pack("train", {"path": [np.ones((1, 2)), np.ones((4, 2))], "words": [[3, 4], [9]]}, (PATH, WORDS))
    assert found["path_length"].tolist() == [1, 4]
    assert found["path"][0].tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]
    assert found["words"].tolist() == [[3, 4, 0, 0, 0], [9, 0, 0, 0, 0]]


def test_padded_arrays_have_the_given_lengths_and_tokens_those_without_zeros_behind() -> None:
    words = np.array([[3, 0, 4, 0, 0], [0, 0, 0, 0, 0]])
    found = pack("train", {"path": np.ones((2, 4, 2)), "path_length": np.array([2, 3]), "words": words}, (PATH, WORDS))
    assert found["path_length"].tolist() == [2, 3]
    assert found["words_length"].tolist() == [3, 1]


def test_rows_of_bytes_share_the_memory_of_records() -> None:
    records = pack("train", table(), TABLE)
    rows = as_rows(records)
    assert rows.shape == (4, records.dtype.itemsize)
    assert np.shares_memory(rows, records)


def test_rows_of_records_in_a_file_are_read_from_it(tmp_path: Path) -> None:
    records = pack("train", table(), TABLE)
    np.save(tmp_path / "x.npy", records)
    rows = as_rows(np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert can_stream(rows)
    stream = Stream(rows)
    stream.begin(np.array([[3, 1]]))
    assert np.array_equal(stream.take(0), as_rows(records)[[3, 1]])
    assert as_rows(records[::2]).shape == (2, records.dtype.itemsize)


@pytest.mark.parametrize("length", [0, 6])
def test_records_with_wrong_lengths_are_refused(length: int) -> None:
    given = np.ones(3, record_type((WORDS,)))
    given["words_length"][2] = length
    with pytest.raises(RunError, match=f"train sample 2 has the length {length} in the input 'words'; it is 1 to 5"):
        pack("train", given, (WORDS,))
    plain = np.ones((2, 3), np.float32)
    assert as_rows(plain) is plain


@pytest.mark.parametrize(
    ("changes", "named", "line"),
    [
        ({"colors": [[0, 9]] * 4}, TABLE, "sample 0 of the input 'colors' has the value 9, its vocabulary has 0 to 3"),
        ({"colors": [[0.5, 1]] * 4}, TABLE, "the input 'colors' is float64 (4, 2), named_inputs says int32 (n, 2)"),
        ({"numbers": np.full((4, 2), np.nan)}, TABLE, "has values that are not finite"),
        ({"numbers": [[1.0, 2.0], *[[1.0]] * 3]}, TABLE, "the input 'numbers' holds arrays of several lengths"),
        ({"numbers": np.ones((4, 3))}, TABLE, "'numbers' is float64 (4, 3), named_inputs says float32 (n, 2)"),
        ({"numbers": np.ones((3, 2))}, TABLE, "train has 3 samples of the input 'numbers' and 4 of 'colors'"),
        ({"size": np.ones(4)}, TABLE, "train samples have 'size'; named_inputs has numbers, colors, photo"),
        ({}, (*TABLE, PATH), "train samples lack the input 'path'"),
        ({"photo": np.ones((4, 3, 3, 1), np.int64)}, TABLE, "the input 'photo' is int64, named_inputs says uint8"),
    ],
)  # fmt: skip
def test_a_wrong_array_is_told_with_its_input(changes: dict[str, Any], named: tuple[Input, ...], line: str) -> None:
    with pytest.raises(RunError, match=line.replace("(", r"\(").replace(")", r"\)")):
        pack("train", table(**changes), named)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([[1], []], "train sample 1 of the input 'words' has 0 steps, it can have 1 to 5; leave it out"),
        ([[1] * 6], "train sample 0 of the input 'words' has 6 steps, it can have 1 to 5; cut it, or declare a longer"),
        ([[1, 10]], "train sample 0 of the input 'words' has the value 10, its vocabulary has 0 to 9"),
        ([[[1, 2]]], "train sample 0 of the input 'words' has the shape"),
        ([[0.5]], "train sample 0 of the input 'words' is float64, named_inputs says int32"),
    ],
)
def test_a_wrong_sequence_is_told_with_its_row(words: list[Any], line: str) -> None:
    with pytest.raises(RunError, match=line):
        pack("train", {"words": words}, (WORDS,))


def test_lengths_beyond_the_shape_are_told() -> None:
    with pytest.raises(RunError, match="train sample 1 has the length 7 in the input 'path'; it is 1 to 4"):
        pack("train", {"path": np.ones((2, 4, 2)), "path_length": np.array([1, 7])}, (PATH,))


@pytest.mark.parametrize(
    ("named", "line"),
    [
        (Input("two words", (1,)), "has the name 'two words'; take letters, digits and _"),
        (Input("x_mask", (1,)), "has the name 'x_mask'"),
        (Input("x", (3,), "int32"), "needs vocabulary=, the number of its different values: one number, or 3"),
        (Input("x", (3,), "int32", vocabulary=(5, 6, 7), padded=True), "needs vocabulary=.*: one number"),
        (Input("x", (3,), vocabulary=(5,)), "has a vocabulary and is float32; numbers of tokens"),
        (Input("x", (), padded=True), "is padded and has no length"),
        (Input("x", (2,), std=(0.0,)), "std be above 0"),
        (Input("x", (0,)), r"has the shape \(0,\)"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_says_what_to_write(named: Input, line: str) -> None:
    arrays = Arrays(({}, np.zeros(2)), ({}, np.zeros(1)), ("a", "b"), named_inputs=(named,))
    with pytest.raises(RunError, match=line):
        checked("classification", arrays)


def test_samples_without_a_declaration_say_what_to_write() -> None:
    y = np.array([0, 1])
    with pytest.raises(RunError, match=r"train samples are a dict; say what it holds: Arrays\(named_inputs="):
        checked("classification", Arrays(({"x": np.ones(2)}, y), ({"x": np.ones(2)}, y), ("a", "b")))
    with pytest.raises(
        RunError, match=r'for sequences give \{"sequence": x\} and named_inputs=\(Input\("sequence", \(3, 4\)'
    ):
        checked("classification", Arrays((np.ones((2, 3, 4)), y), (np.ones((2, 3, 4)), y), ("a", "b")))


def test_the_spec_has_the_inputs_and_survives_json() -> None:
    y = np.array([0, 1])
    x = {"path": [np.ones((1, 2)), np.ones((4, 2))], "words": [[3, 4], [9]]}
    arrays = checked("classification", Arrays((x, y), (x, y), ("a", "b"), named_inputs=(PATH, WORDS)))
    spec = make_spec("classification", arrays, np.arange(2))
    assert (spec.input_shape, spec.outputs, spec.is_image) == ((), 2, False)
    assert spec.named("words") == WORDS
    import json
    from dataclasses import asdict

    assert Spec.from_json(json.loads(json.dumps(asdict(spec)))) == spec
