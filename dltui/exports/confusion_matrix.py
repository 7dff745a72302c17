"""Figure: which classes a model takes for which, over the whole test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from dltui.exports import style
from dltui.exports.format import count, names, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reader import RunReader

MOST_WITH_COUNTS = 20
"""With more classes the cells are too small for numbers, and the worst pairs are listed instead."""
PAIRS = 24
LARGEST_CELL = 0.5
LONGEST_LABEL = 1.25
COLOURS = LinearSegmentedColormap.from_list("paper-blue", [style.PAPER, "#9ecae1", style.BLUE, style.DEEP_BLUE])


@dataclass
class Confusion:
    """`counts` int (n, n): rows are true classes, columns predicted ones. `split` names the data."""

    subject: str
    classes: Sequence[str]
    counts: np.ndarray[Any, np.dtype[np.int64]]
    split: str

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
    many = len(confusion.classes) > MOST_WITH_COUNTS
    size = style.TINY - 2.4 if len(confusion.classes) > 60 else style.TINY if many else style.SMALL
    room = LONGEST_LABEL if not many else 0.85
    labels = style.fit_all(list(confusion.classes), room, size)
    label = max((style.text_width(text, size) for text in labels), default=0.3) + 0.1
    left = style.MARGIN + 0.22 + label
    right = 2.0 if many else 0.95
    cell = min(LARGEST_CELL, (style.WIDTH - left - right) / len(labels))
    side = cell * len(labels)
    bottom = 0.32 + label
    figure = style.page(bottom + side + 0.62)
    top = style.heading(figure, _title(confusion), _subtitle(confusion))
    axes = style.place(figure, left, top - 0.1 - side, side, side)
    mesh = _cells(axes, confusion, many)
    _labels(axes, labels, size)
    if many:
        _list_pairs(figure, confusion, left + side + 0.3, top - 0.1)
    else:
        _scale(figure, mesh, (left + side + 0.18, top - 0.1 - side, side))
    return figure


def _title(confusion: Confusion) -> str:
    total = count(int(confusion.counts.sum()))
    return f"Accuracy {percent(confusion.accuracy)} on {total} {confusion.split} samples: {confusion.subject}"


def _subtitle(confusion: Confusion) -> str:
    cells = "" if len(confusion.classes) > MOST_WITH_COUNTS else "; numbers are samples"
    return f"rows are true classes, columns predicted ones; colour is the share of the row{cells}"


def _cells(axes: Axes, confusion: Confusion, many: bool) -> Any:
    size = len(confusion.classes)
    shares = confusion.shares
    mesh: Any
    if many:
        mesh = axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1, extent=(0, size, size, 0), aspect="auto")
    else:
        mesh = axes.pcolormesh(shares, cmap=COLOURS, vmin=0, vmax=1, edgecolors=style.GRID, linewidth=0.5)
        for (row, column), number in np.ndenumerate(confusion.counts):
            _number(axes, row, column, int(number), float(shares[row][column]))
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    for spine in axes.spines.values():
        spine.set_visible(True)
    return mesh


def _number(axes: Axes, row: int, column: int, number: int, share: float) -> None:
    colour = style.PAPER if share > 0.55 else style.INK if number else style.RULE
    weight = "bold" if row == column else "normal"
    axes.text(
        column + 0.5, row + 0.5, count(number) if number else "·", color=colour, fontsize=style.SMALL, weight=weight,
        ha="center", va="center_baseline",
    )  # fmt: skip


def _labels(axes: Axes, labels: list[str], size: float) -> None:
    places = np.arange(len(labels)) + 0.5
    axes.set_xticks(places, labels, rotation=90, fontsize=size)
    axes.set_yticks(places, labels, fontsize=size)
    axes.tick_params(length=0, pad=3)
    axes.set_xlabel("predicted", labelpad=4)
    axes.set_ylabel("true", labelpad=4)


def _scale(figure: Figure, mesh: Any, place: tuple[float, float, float]) -> None:
    left, bottom, height = place
    axes = style.place(figure, left, bottom, 0.12, height)
    bar = figure.colorbar(mesh, cax=axes, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels(["0 %", "25 %", "50 %", "75 %", "100 %"])
    bar.ax.tick_params(length=0)
    bar.outline.set_edgecolor(style.RULE)


def _list_pairs(figure: Figure, confusion: Confusion, left: float, top: float) -> None:
    """The most frequent mistakes, beside the matrix."""
    style.write(figure, left, top, "true › predicted", fontsize=style.SMALL, fontweight="bold", va="top")
    room = style.WIDTH - style.MARGIN - left
    for line, (row, column, number) in enumerate(confusion.pairs(), start=1):
        half = (room - 0.45) / 2
        true, said = (style.fit(confusion.classes[place], half, style.TINY) for place in (row, column))
        y = top - 0.06 - 0.15 * line
        style.write(figure, left, y, f"{true} › {said}", fontsize=style.TINY, va="top")
        style.write(figure, left + room, y, count(number), fontsize=style.TINY, va="top", ha="right")


def collect(reader: RunReader, subject: str) -> Confusion | None:
    """The test split once it was evaluated, the latest validation until then; None before that."""
    arrays = reader.predictions("test") or reader.predictions("validation-latest")
    attempt = reader.history.attempt
    if arrays is None or attempt is None or "labels" not in arrays:
        return None
    labels, said = arrays["labels"], arrays["top"][:, 0]
    known = list(attempt.dataset.get("classes") or [])
    size = max(len(known), int(labels.max(initial=0)) + 1, int(said.max(initial=0)) + 1)
    counts = np.bincount(labels * size + said, minlength=size * size).reshape(size, size)
    return Confusion(subject, names(known, size), counts, str(arrays["split"]))


def export(reader: RunReader, target: Path) -> None:
    """Draws nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    confusion = collect(reader, subject(reader))
    if confusion is None:
        return
    with style.applied():
        figure = draw_confusion_matrix(confusion)
        save(figure, target, about(reader, _title(confusion), _subtitle(confusion)))
