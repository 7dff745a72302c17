"""The moving average of a curve: even at its tip no single value counts for half."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.tui.draw.raster import Columns, smooth


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
