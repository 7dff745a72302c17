"""What a dataset plugin returns is brought into one form, or refused with the part and the row that are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core.contract import Arrays, Column, Target
from dltui.core.contract.types import Task
from dltui.core.data.arrays import checked, make_spec, measure, split_rows, unscaled
from dltui.core.errors import RunError


def images(n: int = 4, channels: int | None = None) -> np.ndarray:
    shape = (n, 3, 2) if channels is None else (n, 3, 2, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def classified(**changes: object) -> Arrays:
    given = {"train": (images(), np.array([0, 1, 0, 1])), "test": (images(2), np.array([0, 1])), "classes": ("a", "b")}
    return Arrays(**{**given, **changes})  # type: ignore[arg-type]


def regressed(x: object, y: object) -> Arrays:
    return Arrays((np.asarray(x), np.asarray(y)), (np.ones((1, 2)), np.ones(1)))


def test_gray_images_get_a_channel_and_labels_become_int64() -> None:
    found = checked("classification", classified(train=(images(), np.array([0, 1, 0, 1], dtype=np.uint8))))
    assert found.train[0].shape == (4, 3, 2, 1)
    assert found.train[1].dtype == np.int64


def test_vectors_become_float32_with_two_dimensions() -> None:
    found = checked("regression", Arrays((np.arange(5), np.arange(5)), (np.arange(2), np.arange(2.0))))
    assert found.train[0].shape == (5, 1)
    assert found.train[1].shape == (5, 1)
    assert found.train[0].dtype == found.test[1].dtype == np.float32


@pytest.mark.parametrize(
    ("task", "wrong", "words"),
    [
        ("classification", classified(classes=("a",)), "at least two classes, found 1"),
        ("classification", classified(train=(images(), np.array([0, 2, 0, 1]))), "train sample 1 has the label 2"),
        ("classification", classified(test=(images(2), np.array([0, -1]))), "test sample 1 has the label -1"),
        ("classification", classified(train=(images(), np.zeros(4, int))), "every train sample has the class 'a'"),
        ("classification", classified(train=(images(), np.array([0, 1]))), "4 train samples but 2"),
        ("classification", classified(train=(images() / 255, np.array([0, 1, 0, 1]))), "must be uint8"),
        ("classification", classified(train=(images(0), np.zeros(0, int))), "at least 2 train samples"),
        ("classification", classified(test=(images(0), np.zeros(0, int))), "1 test sample, found 4 and 0"),
        ("classification", classified(test=(images(2, 3), np.array([0, 1]))), "test samples"),
        ("classification", classified(train=(images(), np.array([0.0, 1.0, 0.0, 1.0]))), "whole numbers"),
        ("classification", classified(train=(images()[:, :0], np.array([0, 1, 0, 1]))), "samples are empty"),
        ("classification", classified(classes=("a", "a")), "classes has 'a' twice"),
        ("classification", classified(names=["x"] * 4), "names must be a dict with a list for each part"),
        ("classification", classified(names={"train": ["x"]}), "names['train'] has 1 names for 4 samples"),
        ("classification", classified(names={"test": 2}), "names['test'] has int for 2 samples"),
        (
            "classification",
            classified(names={"validation": ["x"]}),
            "names has 'validation', the parts are train, test",
        ),
        ("classification", classified(inputs={"x": object()}), "inputs must be a dict that JSON can hold: Object of"),
        ("classification", classified(inputs=3), "inputs must be a dict that JSON can hold"),
        ("regression", regressed([[1, 2], [np.nan, 1]], [1, 2]), "train sample 1 has features that are not finite"),
        ("regression", regressed([[1, 2], [1, 1]], [np.inf, 2]), "train sample 0 has targets that are not finite"),
        ("regression", regressed([[1, 2], [1e39, 1]], [1, 2]), "train sample 1 has features"),
        ("regression", regressed([["a", "b"], ["c", "d"]], [1, 2]), "must be numbers"),
        ("regression", regressed([[1], [2]], [1, 2]), "train samples have shape"),
        ("regression", regressed([[1, 2], [1, 2]], [[1, 2], [1, 2]]), "train targets have shape"),
        ("regression", regressed([], []), "at least 2 train samples"),
    ],
)
def test_wrong_data_is_refused_in_one_line(task: Task, wrong: Arrays, words: str) -> None:
    with pytest.raises(RunError) as caught:
        checked(task, wrong)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(2, 400), st.floats(0.001, 0.9), st.integers(0, 2**31 - 1))
def test_the_split_loses_no_row_and_repeats(rows: int, validation: float, seed: int) -> None:
    train, kept = split_rows(rows, validation, seed)
    assert len(train) >= 1
    assert len(kept) >= 1
    assert sorted([*train, *kept]) == list(range(rows))
    assert len(kept) == min(max(1, round(rows * validation)), rows - 1)
    again = split_rows(rows, validation, seed)
    assert np.array_equal(train, again[0])
    assert np.array_equal(kept, again[1])


def test_split_seeds_choose_differently() -> None:
    assert not np.array_equal(split_rows(100, 0.1, 0)[1], split_rows(100, 0.1, 1)[1])


def test_mean_and_std_are_of_the_training_rows_per_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    x = images(50, channels=3)
    rows = np.array([0, 3, 4, 30, 49])
    monkeypatch.setattr("dltui.core.tasks.numbers.CHUNK_BYTES", 2 * x[:1].nbytes)
    mean, std = measure(x, rows)
    assert mean == pytest.approx(x[rows].mean(axis=(0, 1, 2)))
    assert std == pytest.approx(x[rows].std(axis=(0, 1, 2)))


def test_a_flat_channel_is_not_divided_by_zero() -> None:
    assert measure(np.full((3, 2, 2, 1), 7, np.uint8), np.arange(3)) == ((7.0,), (1.0,))


def test_the_spec_says_what_a_model_needs() -> None:
    found = checked("classification", classified())
    spec = make_spec("classification", found, np.arange(4))
    assert (spec.input_shape, spec.outputs, spec.classes) == ((3, 2, 1), 2, ("a", "b"))
    vectors = checked("regression", regressed([[1, 2], [3, 4]], [1, 2]))
    spec = make_spec("regression", vectors, np.arange(2))
    assert (spec.input_shape, spec.outputs, spec.mean, spec.std) == ((2,), 1, (0.0, 0.0), (1.0, 1.0))


def test_a_plugin_may_give_mean_and_std_itself() -> None:
    found = checked("classification", classified(mean=(127.5,), std=(50.0,)))
    spec = make_spec("classification", found, np.arange(4))
    assert (spec.mean, spec.std) == ((127.5,), (50.0,))
    with pytest.raises(RunError, match="std above 0"):
        make_spec("classification", checked("classification", classified(std=(0.0,))), np.arange(4))


def test_columns_cover_the_features() -> None:
    arrays = regressed([[1, 2], [1, 3]], [1, 2])
    columns = (Column("size", "number", 0), Column("kind", "category", 1, 1))
    found = make_spec("regression", checked("regression", replace(arrays, columns=columns)), np.arange(2))
    assert found.columns == columns
    for wrong, words in (((columns[0],), "columns has 1 features"), ((columns[1],), "begins at feature 0")):
        with pytest.raises(RunError, match=words):
            make_spec("regression", checked("regression", replace(arrays, columns=wrong)), np.arange(2))


def test_large_features_that_nobody_scales_are_told() -> None:
    large = checked("regression", regressed([[1, -1680], [1, 3]], [1, 2]))
    assert unscaled(large, "wine") == [
        "the features of wine go up to 1,680 and are not scaled; Arrays(mean=..., std=...) scales them"
    ]
    assert unscaled(replace(large, mean=(0.0,), std=(1.0,)), "wine") == []
    assert unscaled(checked("regression", regressed([[1, -99], [1, 3]], [1, 2])), "wine") == []
    assert unscaled(checked("classification", classified()), "digits") == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"test": None}, "test must be a pair (x, y), it is None"),
        ({"train": (images(), np.array([0, 1, 0, 1]), ["a"] * 4)}, "train must be a pair (x, y), it is a tuple of 3"),
        ({"validation": images()}, "validation must be a pair (x, y), it is a ndarray"),
        ({"train": ([[1, 2], [3]], [0, 1])}, "train samples are a list of 2 of rows that differ in their shape"),
        ({"train": (images(), [[0], [1], [0, 1], 1])}, "the targets of train are a list of 4 of rows that differ"),
        ({"mean": ""}, "mean must be one number a channel, it is ''"),
        ({"std": ("a",)}, "std must be one number a channel, it is ('a',)"),
        ({"classes": "ab"}, "classes must be a tuple: ('ab',)"),
        ({"classes": {"a", "b"}}, "classes is a set, which has no order; give a tuple"),
        ({"classes": frozenset({"a", "b"})}, "classes is a set, which has no order"),
        ({"names": {"train": {"a", "b", "c", "d"}}}, "names['train'] is a set, which has no order; give a list"),
        ({"notes": "two words"}, "notes must be a tuple: ('two words',)"),
        ({"targets": Target("y")}, "targets must be a tuple: (Target("),
        ({"columns": ["x"]}, "columns must be a tuple of Column(...), there is a text in it"),
        ({"named_inputs": ("photo",)}, "named_inputs must be a tuple of Input(...), there is a text in it"),
        ({"border": "4"}, "border must be a whole number of pixels, it is a text"),
        ({"names": {"train": "abcd"}}, "names['train'] is a text; give one for each of 4 samples"),
    ],
)
def test_parts_of_another_type_are_told(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(RunError) as caught:
        checked("classification", classified(**wrong))
    assert str(caught.value).startswith(words)


def test_a_plain_number_is_the_mean_of_all_channels() -> None:
    found = checked("classification", classified(mean=0.13, std=np.float32(2), notes=["a"], targets=[]))
    assert (found.mean, found.std, found.notes, found.targets) == ((0.13,), (2.0,), ("a",), ())
    assert make_spec("classification", found, np.arange(4)).mean == (0.13,)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 20, 30)])
def test_channels_that_come_first_are_refused(shape: tuple[int, ...]) -> None:
    x, y = np.zeros((4, *shape), np.uint8), np.array([0, 1, 0, 1])
    last = x.transpose(0, 2, 3, 1)
    told = rf"^train images have the shape .{shape[0]}, {shape[1]}, {shape[2]}., with the channels first; give .height"
    with pytest.raises(RunError, match=told):
        checked("classification", classified(train=(x, y), test=(x, y)))
    assert checked("classification", classified(train=(last, y), test=(last, y))).train[0].shape == last.shape


@pytest.mark.parametrize("shape", [(3, 40, 3), (1, 100, 1), (32, 32, 12), (4, 4, 9), (3, 3, 64), (8, 8, 3)])
def test_small_images_and_many_channels_are_no_fault(shape: tuple[int, ...]) -> None:
    part = np.zeros((4, *shape), np.uint8), np.array([0, 1, 0, 1])
    found = checked("classification", classified(train=part, test=part))
    assert found.train[0].shape == (4, *shape)
    assert found.notes == ()


@pytest.mark.parametrize("shape", [(1, 100, 12), (4, 64, 8), (1, 8, 8)])
def test_signals_are_taken_as_they_are_and_told(shape: tuple[int, ...]) -> None:
    """They may as well be small images with their channels first."""
    part = np.zeros((4, *shape), np.uint8), np.array([0, 1, 0, 1])
    found = checked("classification", classified(train=part, test=part))
    assert found.train[0].shape == (4, *shape)
    told = f"images of the shape {shape} are taken as (height, width, channels); where the channels are first, x.transp"
    assert [note[: len(told)] for note in found.notes] == [told]
