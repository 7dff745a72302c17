"""The moving average of a curve: even at its tip no single value counts for half. Bands as letters of dots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.tui.draw.raster import EMPTY, Band, Columns, band, braille, braille_band, smooth


def smoothed(values: list[float], strength: float) -> list[float]:
    every = np.asarray(values, dtype=np.float64)
    columns = Columns(np.arange(len(values)), every, every, every, np.zeros(0, dtype=np.int64))
    found: list[float] = smooth(columns, strength).mean.tolist()
    return found


@pytest.mark.parametrize("strength", [0.6, 0.9, 0.98])
def test_the_last_value_moves_the_tip_by_its_share(strength: float) -> None:
    values = [1.0] * 200
    values[-1] = 2.0
    assert smoothed(values, strength)[-1] - 1 == pytest.approx(1 - strength, rel=0.05)


def test_it_does_not_lag() -> None:
    rising = [float(number) for number in range(101)]
    assert smoothed(rising, 0.9)[50] == pytest.approx(50.0)
    assert smoothed([3.0] * 5, 0.9) == pytest.approx([3.0] * 5)
    assert smoothed([], 0.9) == []


@given(st.integers(0, 5), st.lists(st.tuples(st.integers(0, 12), st.integers(-1, 11)), max_size=9))
def test_the_letters_of_a_band_show_its_dots(first: int, columns: list[tuple[int, int]]) -> None:
    dots = np.zeros((12, 16), dtype=bool)
    for number, (top, bottom) in enumerate(columns, first):
        dots[top : bottom + 1, number] = True
    top, bottom = np.asarray(columns, dtype=np.intp).reshape(-1, 2).T
    start, letters = braille_band(Band(first, top, bottom), 3)
    whole = np.full((3, 8), EMPTY)
    whole[:, start : start + letters.shape[1]] = letters
    assert whole.tolist() == braille(dots).tolist()


def test_a_band_ends_with_the_plot_and_leaves_out_what_is_no_number() -> None:
    low, high = np.array([-9.0, 0.0, 0.5, np.nan, np.inf]), np.array([9.0, 1.0, np.nan, 0.5, np.inf])
    columns = Columns(np.array([1, 2, 4, 5, 7]), low, high, low, np.zeros(0, dtype=np.int64))
    found = band(columns, (low, high, low), 8, joined=False)
    shown = [(top, bottom) for top, bottom in zip(found.top.tolist(), found.bottom.tolist(), strict=True)]
    assert found.first == 1
    assert [pair if pair[0] <= pair[1] else None for pair in shown] == [(0, 7), (0, 7), *[None] * 5]
