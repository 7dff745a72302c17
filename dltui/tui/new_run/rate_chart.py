"""The curve of a learning-rate range test as a chart, and the words about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core.numbers import exact
from dltui.tui.draw.chart_data import Chart, Series

if TYPE_CHECKING:
    from dltui.core.finders.find import Rates

MARK = "●"
ROOM = 1.25
"""The height of the chart, relative to the largest smoothed loss before the least: what diverges leaves it."""


def chart(found: Rates) -> Chart:
    """The losses by rate, smoothed over raw, with a star at the proposal."""
    least = found.smooth.index(min(found.smooth))
    top = _top(found.smooth[: least + 1])
    x = [math.log10(lr) for lr in found.lr]
    best = None
    if found.suggestion is not None:
        at = min(range(len(x)), key=lambda place: abs(found.lr[place] - (found.suggestion or 0.0)))
        best = (x[at], found.smooth[at])
    series = (
        Series("each step", x, _below(found.loss, top), "dim", "·", "dots"),
        Series("smoothed", x, _below(found.smooth, top), "accent", MARK, "straight"),
    )
    return Chart("loss", series, x[-1], x[0], best, "learning rate", floor=None, decades=True, best_name="proposed")


def partial(lr: Sequence[float], loss: Sequence[float], start: float, end: float) -> Chart:
    """The losses of a test that is under way, from one rate to another."""
    top = _top(loss[:5])
    x = [math.log10(rate) for rate in lr]
    series = (Series("each step", x, _below(loss, top), "dim", "·", "dots"),)
    return Chart(
        "loss", series, math.log10(end), math.log10(start), None, "learning rate", floor=None, decades=True,
        note="no step yet",
    )  # fmt: skip


def _top(losses: Sequence[float]) -> float:
    """The height of a chart that these losses leave room in; a loss may be negative."""
    largest = max(losses, default=1.0)
    return largest + (ROOM - 1) * abs(largest)


def _below(values: Sequence[float], top: float) -> list[float]:
    return [min(value, top) for value in values]


def proposal(found: Rates) -> str:
    """The proposal in a line: `suggested: --lr 0.02 (halfway ...)`."""
    if found.suggestion is None:
        return f"no rate to suggest: {found.reason}"
    peak = ", the peak of one-cycle" if found.schedule == "one-cycle" else ""
    return f"suggested: --lr {exact(found.suggestion)}{peak} ({found.reason})"


def heading(found: Rates) -> str:
    """Of what the test was."""
    with_ = [f"batch size {found.batch_size:,}", found.optimizer]
    return f"{found.model} on {found.dataset}, {found.device}: {', '.join(filter(None, with_))}"
