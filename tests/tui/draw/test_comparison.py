"""The curves of a comparison are drawn as those of a single run are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dltui.tui.draw import comparison

POINTS = [SimpleNamespace(epoch=1, value=0.5), SimpleNamespace(epoch=2, value=0.9)]


@pytest.mark.parametrize(
    ("metric", "title", "last", "ceiling"),
    [
        ("accuracy", "validation accuracy %", 90.0, 100.0),
        ("pixel_accuracy", "validation pixel accuracy %", 90.0, 100.0),
        ("top5_accuracy", "validation top-5 accuracy %", 90.0, 100.0),
        ("own_accuracy", "validation own_accuracy %", 90.0, 100.0),
        ("loss", "validation loss", 0.9, None),
    ],
)
def test_every_accuracy_is_in_percent(metric: str, title: str, last: float, ceiling: float | None) -> None:
    found: Any = SimpleNamespace(entries=[SimpleNamespace(name="a", curves={metric: POINTS})])
    chart = comparison.chart(found, metric, [("run-1", "●")])
    assert (chart.title, chart.series[0].y[-1], chart.ceiling) == (title, pytest.approx(last), ceiling)
