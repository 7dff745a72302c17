"""Figure: reliability diagram: how often a classifier is right, by how confident it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter

from dltui.core.analysis.evaluation import latest
from dltui.exports.figures import style
from dltui.exports.wording import decimal_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reading.reader import RunReader
    from dltui.core.tasks.scores.calibration import Calibration


def draw_reliability(subject: str, split: str, found: Calibration) -> Figure:
    """Draw the figure; `subject` is the model and its data."""
    figure = style.page(5.2 if style.narrow() else 3.0)
    top = style.heading(figure, _title(subject, split, found), _subtitle())
    main, beside = style.two_panels(figure, top, (0.6, 0.45, 0.75))
    _accuracies(main, found)
    _samples(beside, found)
    for axes in (main, beside):
        axes.set_xlim(0, 1)
        axes.set_xlabel("confidence")
        axes.xaxis.set_major_formatter(FuncFormatter(_percent_tick))
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
    return figure


def _title(subject: str, split: str, found: Calibration) -> str:
    return f"{subject}: {split} calibration error {decimal_percent(found.error)}, n = {int(found.samples.sum()):,}"


def _subtitle() -> str:
    return "dashed: as often right as it is confident; bars below the line mean that it is too confident"


def _accuracies(axes: Axes, found: Calibration) -> None:
    """Draw the share of right answers in each bin, and the gap to the mean confidence."""
    axes.set_title("Right answers by confidence")
    edges = np.linspace(0, 1, len(found.samples) + 1)
    there = found.samples > 0
    width = edges[1] - edges[0]
    axes.bar(
        edges[:-1][there], found.accuracy[there], width, align="edge", color=style.PALE_BLUE, edgecolor=style.BLUE,
        linewidth=0.9,
    )  # fmt: skip
    axes.plot(
        found.confidence[there], found.accuracy[there], linestyle="none", marker="o", markersize=3.0, color=style.BLUE,
        clip_on=False,
    )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=style.VERMILION, linewidth=1.2, linestyle=(0, (4, 1.6)))
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(FuncFormatter(_percent_tick))


def _samples(axes: Axes, found: Calibration) -> None:
    axes.set_title("Samples by confidence")
    edges = np.linspace(0, 1, len(found.samples) + 1)
    share = found.samples / max(found.samples.sum(), 1)
    axes.bar(edges[:-1], share, edges[1], align="edge", color=style.GRID, edgecolor=style.MUTED, linewidth=0.7)
    axes.yaxis.set_major_formatter(FuncFormatter(_percent_tick))


def _percent_tick(value: float, position: int | None = None) -> str:
    return f"{100 * value:.4g} %"


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found = latest(reader)
    if found is None or found.calibration is None:
        return
    name, split = subject(reader), found.split
    with style.applied():
        described = f"Reliability diagram with {len(found.calibration.samples)} bins: {_subtitle()}."
        title = _title(name, split, found.calibration)
        save(draw_reliability(name, split, found.calibration), target, about(reader, title, described))
