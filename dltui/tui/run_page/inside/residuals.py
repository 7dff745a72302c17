"""The samples that a regression misses by most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw.styled_text import Row, fit, right

if TYPE_CHECKING:
    from dltui.core.analysis.evaluation import Fit

NUMBER = 12


def largest(fit_: Fit, width: int, height: int) -> list[Row]:
    """Measured, predicted and their difference, the largest first; a bar shows its size."""
    order = sorted(range(len(fit_.y)), key=lambda number: -abs(fit_.y[number] - fit_.prediction[number]))
    names = ("x", "measured", "predicted", "residual") if fit_.x else ("measured", "predicted", "residual")
    rows: list[Row] = [
        [(" mistakes ", "heading"), (f" {fit_.split}, epoch {fit_.epoch}", ""), ("   the largest residuals", "dim")],
        [("".join(right(name, NUMBER) for name in names), "dim")],
    ]
    room = max(min(width - NUMBER * len(names) - 4, 60), 1)
    most = max((abs(fit_.y[number] - fit_.prediction[number]) for number in order[:1]), default=0.0) or 1.0
    for number in order[: max(height - 2, 0)]:
        left_over = fit_.y[number] - fit_.prediction[number]
        values = ([fit_.x[number]] if fit_.x else []) + [fit_.y[number], fit_.prediction[number], left_over]
        row: Row = [("".join(right(f"{value:.4g}", NUMBER) for value in values), "")]
        rows.append([*row, ("  ", ""), ("━" * round(abs(left_over) / most * room), "validation")])
    return [fit(row, width) for row in rows]
