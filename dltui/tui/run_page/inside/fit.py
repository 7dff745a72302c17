"""The fit of a regression, in place of the classes that it does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dltui.tui.draw.chart import draw
from dltui.tui.draw.run_charts.fit import fit_chart
from dltui.tui.draw.styled_text import Row, fit
from dltui.tui.run_page.inside.nothing import why_none

if TYPE_CHECKING:
    from dltui.core.analysis.regression import Fit
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.view import RunView


def of_fit(view: RunView, rows: Callable[[Fit], list[Row]]) -> list[Row]:
    """The rows that are made of the fit; a line that says when there will be a fit otherwise."""
    if view.fit is None:
        return [[], [(f"  {why_none(view, 'after the first epoch')}", "dim")]]
    return rows(view.fit)


def fitted(found: Fit, width: int, height: int, look: Look) -> list[Row]:
    """The chart of the fit, and the equation for a straight line."""
    text = _equation(found)
    told = (f"   residuals {_spread(found)} (standard deviation)", f"   residuals {_spread(found)}", "")
    facts: Row = [(text, "bold"), (next(one for one in told if len(text + one) <= width or not one), "dim")]
    return [*draw(fit_chart(found), width - 1, height - 1, look), fit(facts, width)]


def _equation(found: Fit) -> str:
    """The equation of a straight line; "" for other models."""
    if found.line is None:
        return ""
    slope, intercept = (
        f"{value:.4f}" if digits == 4 else f"{value:.{digits}g}"
        for value, digits in zip((found.line[0], abs(found.line[1])), found.line_digits, strict=True)
    )
    return f" y = {slope} x {'+' if found.line[1] >= 0 else '-'} {intercept}"


def _spread(found: Fit) -> str:
    return f"{found.spread:.4f}" if not 0 < found.spread < 0.001 else f"{found.spread:.3g}"
