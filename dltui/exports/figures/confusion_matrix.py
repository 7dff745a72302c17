"""Figure: which classes a model takes for which, over the whole test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.patches import Rectangle

from dltui.exports.figures import style
from dltui.exports.figures.matrix_grid import Grid
from dltui.exports.wording import count, names, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reading.reader import RunReader

PAIRS = 40
COLORS = LinearSegmentedColormap.from_list("paper-blue", [style.PAPER, "#c6dbef", "#4a90c4", style.DEEP_BLUE])
# The square root shows a mistake of a few percent, which is what one looks for beside a dark diagonal.
NORM = PowerNorm(0.5, vmin=0.0, vmax=1.0)
DARK = 0.25
"""Cells with a larger share carry white numbers."""
TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass
class Confusion:
    """`counts` int (n, n): rows are true classes, columns predicted ones. `split` names the data, `epoch` the model."""

    subject: str
    classes: Sequence[str]
    counts: np.ndarray[Any, np.dtype[np.int64]]
    split: str
    epoch: int | None = None

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.counts) / max(self.counts.sum(), 1))

    @property
    def shares(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Each row divided by its sum; rows without samples are zeros."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return np.asarray(self.counts / np.maximum(sums, 1), dtype=np.float64)

    def pairs(self) -> list[tuple[int, int, int]]:
        """(true, predicted, count) of the mistakes, most frequent first."""
        mistakes = self.counts - np.diag(np.diag(self.counts))
        order = np.argsort(-mistakes, axis=None, kind="stable")
        found = [divmod(int(place), len(self.classes)) for place in order[:PAIRS]]
        return [(row, column, int(mistakes[row, column])) for row, column in found if mistakes[row, column]]


def draw_confusion_matrix(confusion: Confusion) -> Figure:
    grid = Grid.of(confusion.classes, int(confusion.counts.max(initial=0)))
    figure = style.page(grid.height, grid.width)
    top = style.heading(figure, _title(confusion), _subtitle(confusion, grid))
    axes = style.place(figure, grid.left, top - 0.12 - grid.side, grid.side, grid.side)
    _cells(axes, confusion, grid)
    _labels(axes, grid)
    right, edge = grid.left + grid.side, top - 0.12
    if grid.recall:
        _recalls(figure, confusion, grid, right, edge)
    bar = right + grid.recall + 0.16
    _scale(figure, bar, edge - min(grid.side, 5.0), min(grid.side, 5.0))
    if grid.pairs:
        _list_pairs(figure, confusion, bar + 0.75, edge, edge - grid.side)
    return figure


def _title(confusion: Confusion) -> str:
    total = count(int(confusion.counts.sum()))
    when = f" after epoch {confusion.epoch}" if confusion.epoch else ""
    return f"{confusion.subject}: {confusion.split} accuracy {percent(confusion.accuracy)}, n = {total}{when}"


def _subtitle(confusion: Confusion, grid: Grid | None = None) -> str:
    numbers = "numbers are samples, " if grid and grid.number_size else ""
    return f"{numbers}color is the share of the true class"


def _cells(axes: Axes, confusion: Confusion, grid: Grid) -> None:
    size, shares = len(confusion.classes), confusion.shares
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    for spine in axes.spines.values():
        spine.set_visible(True)
    if not grid.number_size:
        style.picture(axes, COLORS(NORM(shares)), (0, size, size, 0))
        return
    for (row, column), share in np.ndenumerate(shares):
        number = int(confusion.counts[row, column])
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
        column + 0.5, row + 0.5, count(number) if number else "·", color=color, fontsize=size,
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


def _recalls(figure: Figure, confusion: Confusion, grid: Grid, left: float, top: float) -> None:
    """The share of each true class that is found, as a number, at the end of its row."""
    x = left + grid.recall - 0.02
    style.write(figure, x, top + 0.05, "recall", fontsize=style.SMALL, color=style.MUTED, ha="right")
    for row, shares in enumerate(confusion.shares):
        text = percent(float(shares[row]), 1) if confusion.counts[row].any() else "–"
        y = top - (row + 0.5) * grid.cell
        style.write(figure, x, y, text, fontsize=grid.label_size, ha="right", va="center_baseline")


def _scale(figure: Figure, left: float, bottom: float, height: float) -> None:
    axes = style.place(figure, left, bottom, 0.1, height)
    bar = figure.colorbar(ScalarMappable(NORM, COLORS), cax=axes, ticks=TICKS if height > 2.4 else TICKS[::3])
    bar.ax.set_yticklabels([f"{100 * tick:.0f} %" for tick in bar.get_ticks()])
    bar.ax.minorticks_off()
    bar.ax.tick_params(length=0, pad=3)
    bar.outline.set_edgecolor(style.RULE)


def _list_pairs(figure: Figure, confusion: Confusion, left: float, top: float, bottom: float) -> None:
    """The most frequent mistakes, beside the matrix."""
    right = float(figure.get_size_inches()[0]) - style.MARGIN
    kwargs: dict[str, Any] = {"fontsize": style.SMALL, "va": "top"}
    half = (right - left - 0.35) / 2
    for x, text in ((left, "true class"), (left + half, "predicted")):
        style.write(figure, x, top, text, fontweight="bold", **kwargs)
    style.write(figure, right, top, "n", fontweight="bold", ha="right", **kwargs)
    for line, (row, column, number) in enumerate(confusion.pairs(), start=1):
        y = top - 0.04 - 0.165 * line
        if y - 0.12 < bottom:
            break
        for x, place in ((left, row), (left + half, column)):
            style.write(figure, x, y, style.fit(confusion.classes[place], half - 0.08, style.SMALL), **kwargs)
        style.write(figure, right, y, count(number), ha="right", **kwargs)


def collect(reader: RunReader, subject: str) -> Confusion | None:
    """The test split once it was evaluated, the latest validation until then; None before that."""
    from dltui.core.analysis.evaluation import latest

    found, attempt = latest(reader), reader.history.attempt
    if found is None or attempt is None or "labels" not in found.arrays:
        return None
    labels, said = found.arrays["labels"], found.arrays["top"][:, 0]
    known = list(attempt.dataset.get("classes") or [])
    size = max(len(known), int(labels.max(initial=0)) + 1, int(said.max(initial=0)) + 1)
    counts = np.bincount(labels * size + said, minlength=size * size).reshape(size, size)
    return Confusion(subject, names(known, size), counts, found.split, found.epoch)


def export(reader: RunReader, target: Path) -> None:
    """Draws nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    confusion = collect(reader, subject(reader))
    if confusion is None:
        return
    with style.applied():
        described = f"Confusion matrix of {len(confusion.classes)} classes: {_subtitle(confusion)}."
        save(draw_confusion_matrix(confusion), target, about(reader, _title(confusion), described))
