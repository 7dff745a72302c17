"""The samples with the largest residuals of a regression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dltui.tui.draw.styled_text import Row, cells, fit, right

if TYPE_CHECKING:
    from dltui.core.analysis.regression import Fit

NUMBER, LEAST_NUMBER = 12, 10
LEAST_BAR = 4


def largest(fit_: Fit, width: int, height: int) -> list[Row]:
    """The measured and predicted values and their difference, the largest first; a bar shows its size."""
    points = fit_.worst(max(height - 2, 0))
    single = bool(points) and points[0].x is not None
    names = ("x", "measured", "predicted", "residual") if single else ("measured", "predicted", "residual")
    where = " ".join(filter(None, (fit_.title, f"{fit_.split}, epoch {fit_.epoch}")))
    title: Row = [(" mistakes ", "heading"), (f" {where}", "")]
    told: Row = [("   the largest residuals", "dim")]
    size = max(min(NUMBER, (width - LEAST_BAR) // len(names)), LEAST_NUMBER)
    rows: list[Row] = [
        [*title, *told] if cells(title + told) <= width else title,
        [("".join(right(name, size) for name in names), "dim")],
    ]
    room = max(min(width - size * len(names) - 4, 60), 1)
    most = max((abs(point.residual) for point in points[:1]), default=0.0) or 1.0
    for point in points:
        share = abs(point.residual) / most
        shown = [_short(value, fit_.digits, size - 1) for value in (point.measured, point.predicted)]
        first = [] if point.x is None else [_short(point.x, fit_.x_digits, size - 1)]
        row: Row = [("".join(right(text, size) for text in (*first, *shown, f"{point.residual:.4g}")), "")]
        rows.append([*row, ("  ", ""), ("━" * round(share * room if math.isfinite(share) else room), "validation")])
    return [fit(row, width) for row in rows]


def _short(value: float, digits: int, size: int) -> str:
    """A number with so many significant digits, or as many as there is room for, but four."""
    if digits > 4 and abs(value) >= 10**digits and len(whole := f"{value:.0f}") <= size:
        # An exponent would take the room of digits.
        return whole
    texts = (f"{value:.{count}g}" for count in range(digits, 3, -1))
    return next((text for text in texts if len(text) <= size), f"{value:.4g}")
