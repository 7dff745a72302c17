"""The table of the largest residuals shows the digits in which measured and predicted numbers differ."""

from __future__ import annotations

import numpy as np

from dltui.core.analysis.regression import Fit
from dltui.tui.run_page.inside.residuals import largest


def words(offset: float, width: int) -> list[list[str]]:
    """The numbers of each row."""
    y = np.array([[0.0], [250.0], [500.0]]) + offset
    fit = Fit("test", 1, np.zeros((3, 0)), y, y - [[5.0], [1.5], [-30.0]])
    rows = ["".join(text for text, _ in row) for row in largest(fit, width, 5)]
    return [row.replace("━", "").split() for row in rows[2:]]


def test_numbers_far_from_zero_are_shown_as_far_as_they_differ() -> None:
    assert words(0.0, 60) == [["500", "530", "-30"], ["0", "-5", "5"], ["250", "248.5", "1.5"]]
    assert words(1_700_000_000.0, 60)[0] == ["1700000500", "1700000530", "-30"]
    # Where there is no room for them the usual four digits.
    assert words(1_700_000_000.0, 34)[0] == ["1.7e+09", "1.7e+09", "-30"]
