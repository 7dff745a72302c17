"""The chart of a sequence: its features over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.tui.draw.chart_data import Chart, Series

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

STYLES = (("train", "━"), ("validation", "●"), ("accent", "▪"), ("dim", "·"))


def sequence_chart(lines: Array, at: Sequence[float] = ()) -> Chart:
    """The lines of a sample (features, points), NaN behind its end; `at` are the steps of the points, () where they are
    all.
    """
    import numpy as np

    length = max(int(np.isfinite(lines).any(axis=0).sum()), 1)
    steps = [float(step) for step in (at if len(at) == lines.shape[1] else range(length))][:length]
    series = tuple(
        Series(str(number + 1) if len(lines) > 1 else "", steps, line[:length].tolist(), *style, form="straight")
        for number, (line, style) in enumerate(zip(lines, STYLES, strict=False))
    )
    return Chart("the sequence", series, max([*steps, 1.0]), x_name="steps", epochs=False, floor=None)
