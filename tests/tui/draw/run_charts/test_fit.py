"""The charts of a regression have an axis, whatever was measured and predicted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dltui.core.analysis.regression import Fit
from dltui.tui.draw.chart import draw
from dltui.tui.draw.run_charts.fit import fit_chart, residual_chart
from dltui.tui.draw.styled_text import Look, plain

SIZE = (60, 12)


def fit(measured: list[float], predicted: list[float], features: int = 2) -> Fit:
    x = np.arange(len(measured) * features, dtype=np.float64).reshape(len(measured), features)
    return Fit("test", 1, x, np.array(measured)[:, None], np.array(predicted)[:, None])


@pytest.mark.parametrize("value", [0.0, 5.0, -1e20])
def test_equal_values_have_an_axis(value: float) -> None:
    equal, apart = [value] * 3, [0.1, 0.2, 0.3]
    for chart in (fit_chart(fit(equal, apart)), residual_chart(fit(apart, equal))):
        rows = plain(draw(chart, *SIZE, Look()))
        assert [len(row) for row in rows] == [SIZE[0]] * SIZE[1]
        assert any(letter > "⠀" for row in rows[1:-2] for letter in row[6:])


def test_one_input_of_equal_values_has_an_axis() -> None:
    found = fit([1.0, 2.0], [1.5, 1.5], features=1)
    same = Fit("test", 1, np.full((2, 1), 3.0), found.y, found.prediction)
    assert (fit_chart(same).start, fit_chart(same).end) == (3.0, 4.0)


def test_what_is_no_number_does_not_set_the_axis() -> None:
    chart = residual_chart(fit([1.0, 2.0, 3.0], [math.nan, 1.0, 2.0]))
    assert (chart.start, chart.end) == (1.0, 2.0)
    chart = residual_chart(fit([1.0, 2.0], [math.nan, math.inf]))
    assert len(draw(chart, *SIZE, Look())) == SIZE[1]
