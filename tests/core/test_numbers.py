"""What is written exactly is read back equal; what is rounded is for eyes; a duration is written in one way."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core.catalog.fields import FieldSpec, flag_words
from dltui.core.numbers import duration, exact, metric, rounded
from dltui.tui.cli.options import FieldOption

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
# A field reads what stands between the spaces.
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
VALUES: Mapping[str, tuple[FieldSpec, st.SearchStrategy[Any]]] = {
    "patience": (FieldSpec("patience", "int", 0), st.integers(-(2**63), 2**63)),
    "weight_decay": (FieldSpec("weight_decay", "float", 0.0), FLOATS),
    "deterministic": (FieldSpec("deterministic", "bool", False), st.booleans()),
    "text": (FieldSpec("text", "str", ""), TEXTS),
    "widths": (FieldSpec("widths", "numbers", [], whole=True), st.lists(st.integers(-(2**63), 2**63))),
    "scales": (FieldSpec("scales", "numbers", []), st.lists(FLOATS)),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_is_written_is_read_back_equal(name: str) -> None:
    field, values = VALUES[name]

    @given(values)
    def check(value: Any) -> None:
        assert field.parse(exact(value)) == value

    check()


@given(st.fixed_dictionaries({name: values for name, (_, values) in VALUES.items()}))
def test_the_words_of_a_command_give_the_values_back(values: dict[str, Any]) -> None:
    command = click.Command("train", params=[FieldOption(field) for field, _ in VALUES.values()])
    line = shlex.join(word for name, value in values.items() for word in flag_words(name, value))
    assert command.make_context("train", shlex.split(line)).params == values


@pytest.mark.parametrize(
    ("value", "typed", "seen"),
    [
        (0.0123456789, "0.0123456789", "0.0123457"),
        (0.05, "0.05", "0.05"),
        (5.0, "5", "5"),
        (1e-05, "1e-05", "1e-05"),
        (1234567.0, "1234567.0", "1.23457e+06"),
        (256, "256", "256"),
        (1234567, "1234567", "1234567"),
        (True, "yes", "yes"),
        (False, "no", "no"),
        (None, "-", "-"),
        ("one-cycle", "one-cycle", "one-cycle"),
        ([784, 0.1234567891, (True, None)], "784,0.1234567891,yes,-", "784,0.123457,yes,-"),
        ([], "", ""),
    ],
)
def test_one_value_in_two_ways(value: object, typed: str, seen: str) -> None:
    assert (exact(value), rounded(value)) == (typed, seen)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
        (75, "1 min 15 s"), (3599, "59 min 59 s"), (7260, "2 h 01 min"), (86_399, "23 h 59 min"), (90_000, "1 d 1 h"),
        (math.nan, "?"), (math.inf, "?"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "said"), [(math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"), (0.5, "50.00 %"), (None, "-")]
)
def test_a_metric_that_is_no_number_is_told_with_its_sign(value: float | None, said: str) -> None:
    assert metric("accuracy", value) == said
