"""Ranges as they are typed, and the values that are drawn of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core.analysis.trials import space
from dltui.core.analysis.trials.space import Dimension
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.core.numbers import exact

LR = FieldSpec("lr", "float", 0.1, exclusive_minimum=0, maximum=10)
BATCH = FieldSpec("batch_size", "int", 32, minimum=1, maximum=65_536)
OPTIMIZER = FieldSpec("optimizer", "choice", "sgd", choices=("sgd", "adam"), choice_values=("sgd", "adam"))
NESTEROV = FieldSpec("nesterov", "bool", False)
LAYERS = FieldSpec("layers", "numbers", [64], whole=True, minimum=1)
FREEZE = FieldSpec("freeze", "str", "")


@pytest.mark.parametrize(
    ("field", "text", "dimension"),
    [
        (LR, "0.01..0.3:log", Dimension("lr", "float", 0.01, 0.3, True)),
        (LR, "0.1 .. 0.3 : 5", Dimension("lr", "float", 0.1, 0.3, False, 5)),
        (LR, "0.1,0.2", Dimension("lr", "choice", values=(0.1, 0.2))),
        (BATCH, "16..256:log:5", Dimension("batch_size", "int", 16, 256, True, 5)),
        (BATCH, "64,256", Dimension("batch_size", "choice", values=(64, 256))),
        (OPTIMIZER, "sgd,adam", Dimension("optimizer", "choice", values=("sgd", "adam"))),
        (NESTEROV, "yes,no", Dimension("nesterov", "choice", values=(True, False))),
        (LAYERS, "64,32;128", Dimension("layers", "choice", values=((64, 32), (128,)))),
        (FREEZE, ";conv*, norm1", Dimension("freeze", "choice", values=("", "conv*, norm1"))),
    ],
)
def test_ranges_are_understood(field: FieldSpec, text: str, dimension: Dimension) -> None:
    assert space.is_range(field, text)
    found = space.parse(field, text)
    assert found == dimension
    assert Dimension.from_json(found.to_json()) == found
    assert space.parse(field, found.text()) == found


@pytest.mark.parametrize(("field", "text"), [(LR, "0.1"), (LAYERS, "64,32"), (FREEZE, "conv*, norm1"), (BATCH, "64")])
def test_a_single_value_is_no_range(field: FieldSpec, text: str) -> None:
    assert not space.is_range(field, text)


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        (LR, "0..0.3", "lr must be greater than 0"),
        (LR, "0.3..0.1", "lower end first"),
        (LR, "0.1..11", "at most 10"),
        (LR, "0.1..0.3:lin", "wants LOW..HIGH"),
        (LR, "0.1..0.3:0", "wants LOW..HIGH"),
        (FieldSpec("x", "float", 0.0), "-1..1:log", "begins above 0"),
        (BATCH, "64,64", "names a value twice"),
        (BATCH, "1.5..3", "whole number"),
        (OPTIMIZER, "sgd,adan", "did you mean adam"),
    ],
)
def test_a_wrong_range_is_refused_in_one_line(field: FieldSpec, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as found:
        space.parse(field, text)
    assert "\n" not in str(found.value)


def test_values_lie_in_their_range_and_come_up_evenly() -> None:
    spread = Dimension("lr", "float", 0.01, 0.3, True)
    values = [spread.at(place / 999) for place in range(1000)]
    assert (min(values), max(values)) == (0.01, 0.3)
    assert sum(value < 0.0548 for value in values) == pytest.approx(500, abs=5)
    whole = Dimension("n", "int", 1, 4)
    counts = [sum(whole.at((place + 0.5) / 1000) == number for place in range(1000)) for number in (1, 2, 3, 4)]
    assert counts == [250] * 4
    assert Dimension("o", "choice", values=("a", "b")).at(0.99) == "b"


@pytest.mark.parametrize("dimension", [Dimension("a", "float", 0.01, 0.3, True), Dimension("b", "int", 2, 9)])
def test_a_place_is_where_the_value_is(dimension: Dimension) -> None:
    assert dimension.place(dimension.low) == 0
    assert dimension.place(dimension.high) == 1
    assert dimension.place("x") is None
    assert dimension.place(100.0) is None


def test_a_grid_has_all_combinations() -> None:
    dimensions = [Dimension("lr", "float", 0.01, 1.0, True, 3), Dimension("b", "choice", values=(64, 256))]
    assert [tuple(values.values()) for values in space.grid(dimensions)] == [
        (0.01, 64), (0.01, 256), (0.1, 64), (0.1, 256), (1.0, 64), (1.0, 256),
    ]  # fmt: skip
    # Only a grid takes no more than so many numbers of a range.
    assert space.combinations(dimensions) == 0
    assert space.combinations([dimensions[1], Dimension("n", "int", 1, 3, steps=2)]) == 6
    assert list(Dimension("n", "int", 2, 4).grid()) == [2, 3, 4]
    assert list(Dimension("n", "int", 16, 256, True, 5).grid()) == [16, 32, 64, 128, 256]
    with pytest.raises(UsageError, match=r"--lr 0\.01\.\.1:log:5 for five"):
        Dimension("lr", "float", 0.01, 1.0, True).grid()


def test_a_draw_is_a_function_of_seed_and_number() -> None:
    dimensions = [Dimension("lr", "float", 0.01, 1.0, True)]
    assert space.draw(dimensions, 1, 5) == space.draw(dimensions, 1, 5)
    assert len({space.draw(dimensions, 1, number)["lr"] for number in range(50)}) == 50
    assert space.draw(dimensions, 2, 5) != space.draw(dimensions, 1, 5)


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Dimension("ema", "float", 0.9999, 0.99999, steps=5), [0.9999, 0.9999225, 0.999945, 0.9999675, 0.99999]),
        (Dimension("ema", "float", 0.9999, 0.99999, True, 3), [0.9999, 0.999945, 0.99999]),
        (Dimension("lr", "float", 0.1, 0.3, steps=5), [0.1, 0.15, 0.2, 0.25, 0.3]),
        (Dimension("x", "float", 123456.5, 123457.5, steps=3), [123456.5, 123457.0, 123457.5]),
        (Dimension("x", "float", -1.0, 1.0, steps=3), [-1.0, 0.0, 1.0]),
        (Dimension("x", "float", 0.123456, 0.9, steps=2), [0.123456, 0.9]),
    ],
)
def test_digits_follow_the_width_of_a_range(dimension: Dimension, values: list[float]) -> None:
    assert list(dimension.grid()) == pytest.approx(values, rel=1e-7)
    assert (dimension.grid()[0], dimension.grid()[-1]) == (dimension.low, dimension.high)
    assert all(len(exact(value)) <= 11 for value in dimension.grid())


@given(low=st.floats(1e-6, 1e6), width=st.floats(1e-9, 1e3), log=st.booleans())
def test_a_grid_has_as_many_values_as_were_asked_for(low: float, width: float, log: bool) -> None:
    dimension = Dimension("x", "float", low, low * (1 + width), log, 100)
    found = dimension.grid()
    assert list(found) == sorted(set(found))
    assert len(found) == 100
    assert (found[0], found[-1]) == (dimension.low, dimension.high)
