"""Axes of metrics: percentages for accuracies, a logarithmic scale for losses that fall far, whole epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator, ScalarFormatter

from dltui.exports.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_FROM = 30.0
"""Values that span more than this ratio are drawn on a logarithmic scale."""


def whole_numbers(axes: Axes, first: int, last: int) -> None:
    """Set the x axis from one epoch to another, with ticks at epochs."""
    pad = max(last - first, 1) * 0.04
    axes.set_xlim(first - pad, last + pad)
    ticks = MaxNLocator(nbins=9, integer=True, min_n_ticks=1).tick_values(first, last)
    axes.set_xticks([tick for tick in ticks if first <= tick <= last])


def metric_axis(axes: Axes, metric: str, shown: Sequence[float]) -> None:
    """Set the y axis for all values that are shown."""
    values = np.array(shown, dtype=float)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if metric.endswith("accuracy"):
        axes.yaxis.set_major_formatter(FuncFormatter(_percent_tick))
        room = max((high - low) * 0.08, 0.01)
        axes.set_ylim(max(low - room, -0.01), min(high + room, 1.01))
    elif low > 0 and high / low > LOG_FROM:
        _logarithmic(axes, low, high)
    else:
        plain = ScalarFormatter(useOffset=False, useMathText=False)
        plain.set_powerlimits((-6, 6))
        axes.yaxis.set_major_formatter(plain)
        room = max((high - low) * 0.08, abs(high) * 0.02, 1e-9)
        axes.set_ylim(low - room, high + room)


def _logarithmic(axes: Axes, low: float, high: float) -> None:
    axes.set_yscale("log")
    decades = math.log10(high / low)
    axes.set_ylim(low / 10 ** (decades * 0.08), high * 10 ** (decades * 0.08))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2.2 else (1.0,), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain_tick))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _percent_tick(value: float, position: int | None = None) -> str:
    return f"{100 * value:.4g} %"


def _plain_tick(value: float, position: int | None = None) -> str:
    return number(round(value, 12))
