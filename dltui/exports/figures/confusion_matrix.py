"""Figure: the confusion matrix of the whole test split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.patches import Rectangle

from dltui.core.analysis.evaluation import latest
from dltui.exports.figures import style
from dltui.exports.figures.matrix_grid import GAP, Grid
from dltui.exports.wording import decimal_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.confusion import Matrix
    from dltui.core.reading.reader import RunReader

PAIRS = 40
COLORS = LinearSegmentedColormap.from_list("paper-blue", [style.PAPER, "#c6dbef", "#4a90c4", style.DEEP_BLUE])
# The square root shows a mistake of a few percent, which is what one looks for beside a dark diagonal.
NORM = PowerNorm(0.5, vmin=0.0, vmax=1.0)
DARK = 0.25
"""Cells with a larger share carry white numbers."""
TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def draw_confusion_matrix(subject: str, matrix: Matrix) -> Figure:
    """Draw the matrix; `subject` is the model and its data."""
    grid = Grid.of(matrix.classes, max(map(max, matrix.counts), default=0))
    figure = style.page(grid.height, grid.width)
    top = style.heading(figure, _title(subject, matrix), _subtitle(grid, matrix.unit))
    axes = style.place(figure, grid.left, top - 0.12 - grid.side, grid.side, grid.side)
    _cells(axes, matrix, grid)
    _labels(axes, grid)
    right, edge = grid.left + grid.side, top - 0.12
    if grid.recall:
        _recalls(figure, matrix, grid, right, edge)
    if style.narrow():
        return figure
    bar = right + grid.recall + GAP
    _scale(figure, bar, edge - min(grid.side, 5.0), min(grid.side, 5.0))
    if grid.pairs:
        _list_pairs(figure, matrix, bar + 0.75, edge, edge - grid.side)
    return figure


def _title(subject: str, matrix: Matrix) -> str:
    # The test is of the best epoch, whichever that was.
    when = "" if matrix.split == "test" else f" after epoch {matrix.epoch}"
    what = "" if matrix.unit == "samples" else f" {matrix.unit}"
    return f"{subject}: {matrix.split} accuracy {decimal_percent(matrix.accuracy)}, n = {matrix.total:,}{what}{when}"


def _subtitle(grid: Grid | None = None, unit: str = "samples") -> str:
    numbers = f"numbers are {unit}, " if grid and grid.number_size else ""
    return f"{numbers}color is the share of the true class"


def _cells(axes: Axes, matrix: Matrix, grid: Grid) -> None:
    size, shares = len(matrix.classes), np.asarray(matrix.shares)
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    for spine in axes.spines.values():
        spine.set_visible(True)
    if not grid.number_size:
        style.picture(axes, COLORS(NORM(shares), bytes=True), (0, size, size, 0))
        return
    for (row, column), share in np.ndenumerate(shares):
        number = matrix.counts[row][column]
        if number:
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=COLORS(NORM(share)), edgecolor="none"))
        if number or grid.recall:
            _number(axes, row, column, number, float(share), grid.number_size)
    for place in range(1, size):
        axes.axhline(place, color=style.GRID, linewidth=0.6)
        axes.axvline(place, color=style.GRID, linewidth=0.6)


def _number(axes: Axes, row: int, column: int, number: int, share: float, size: float) -> None:
    color = style.PAPER if share > DARK else style.INK if number else style.RULE
    axes.text(
        column + 0.5, row + 0.5, f"{number:,}" if number else "·", color=color, fontsize=size,
        weight="bold" if row == column else "normal", ha="center", va="center_baseline",
    )  # fmt: skip


def _labels(axes: Axes, grid: Grid) -> None:
    places = np.arange(0, len(grid.labels), grid.every) + 0.5
    shown = grid.labels[:: grid.every]
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(places, shown, fontsize=grid.label_size, **(slanted if grid.slanted else {"rotation": 90}))
    axes.set_yticks(places, shown, fontsize=grid.label_size)
    axes.tick_params(length=0, pad=3, labelcolor=style.INK)
    left, bottom = (grid.left - style.MARGIN) / grid.side, (grid.below - style.MARGIN) / grid.side
    kwargs: dict[str, Any] = {"transform": axes.transAxes, "color": style.MUTED, "fontsize": style.TEXT}
    axes.text(-left, 0.5, "true class", rotation=90, ha="left", va="center", **kwargs)
    axes.text(0.5, -bottom, "predicted class", ha="center", va="bottom", **kwargs)


def _recalls(figure: Figure, matrix: Matrix, grid: Grid, left: float, top: float) -> None:
    """Write the recall of each true class at the end of its row."""
    x = left + grid.recall - 0.02
    style.write(figure, x, top + 0.05, "recall", fontsize=style.SMALL, color=style.MUTED, ha="right")
    for score in matrix.scores():
        text = "–" if score.recall is None else decimal_percent(score.recall, 1)
        y = top - (score.number + 0.5) * grid.cell
        style.write(figure, x, y, text, fontsize=grid.label_size, ha="right", va="center_baseline")


def _scale(figure: Figure, left: float, bottom: float, height: float) -> None:
    axes = style.place(figure, left, bottom, 0.1, height)
    bar = figure.colorbar(ScalarMappable(NORM, COLORS), cax=axes, ticks=TICKS if height > 2.4 else TICKS[::3])
    bar.ax.set_yticklabels([f"{100 * tick:.0f} %" for tick in bar.get_ticks()])
    bar.ax.minorticks_off()
    bar.ax.tick_params(length=0, pad=3)
    bar.outline.set_edgecolor(style.RULE)


def _list_pairs(figure: Figure, matrix: Matrix, left: float, top: float, bottom: float) -> None:
    """List the most frequent mistakes beside the matrix."""
    right = float(figure.get_size_inches()[0]) - style.MARGIN
    kwargs: dict[str, Any] = {"fontsize": style.SMALL, "va": "top"}
    half = (right - left - 0.35) / 2
    for x, text in ((left, "true class"), (left + half, "predicted")):
        style.write(figure, x, top, text, fontweight="bold", **kwargs)
    style.write(figure, right, top, "n", fontweight="bold", ha="right", **kwargs)
    for line, (number, row, column) in enumerate(matrix.worst(PAIRS), start=1):
        y = top - 0.04 - 0.165 * line
        if y - 0.12 < bottom:
            break
        for x, place in ((left, row), (left + half, column)):
            style.write(figure, x, y, style.fit(matrix.classes[place], half - 0.08, style.SMALL), **kwargs)
        style.write(figure, right, y, f"{number:,}", ha="right", **kwargs)


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found = latest(reader)
    if found is None or found.matrix is None:
        return
    matrix, name = found.matrix, subject(reader)
    with style.applied():
        described = f"Confusion matrix of {len(matrix.classes)} classes: {_subtitle()}."
        save(draw_confusion_matrix(name, matrix), target, about(reader, _title(name, matrix), described))
