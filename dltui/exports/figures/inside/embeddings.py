"""Figure: how a model sorts the samples of the test split: the input of its last layer by PCA and by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from dltui.core.analysis.evaluation import latest
from dltui.core.analysis.inside import embeddings
from dltui.core.text import safe
from dltui.exports.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.inside.embeddings import Embeddings
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

# Okabe and Ito's colors, and lighter or darker ones between them: neighbors in this list differ most.
COLORS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a5a00", "#5f6973", "#b8ae00", "#6a3d9a",
)  # fmt: skip
MARKS = "os^D"
"""More classes than colors have another mark each time around."""
SIDE = 0.18
"""Inches of an image on the plane."""
MOST_NAMED = 20
NO_TSNE = "no t-SNE: it needs scikit-learn and at least five samples"


def draw_embeddings(subject: str, found: Embeddings, names: Sequence[str]) -> Figure:
    """Draw the figure; `subject` is the model and its data, `names` are those of the classes."""
    classes = np.unique(found.labels).tolist()[:MOST_NAMED]
    lines = -(-len(classes) // _named_across())
    figure = style.page((7.3 if style.narrow() else 4.4) + 0.16 * lines)
    top = style.heading(figure, _title(subject, found), subtitle(found))
    gap, bottom = 0.2, 0.3 + 0.16 * lines
    width = style.width() - 2 * style.MARGIN
    width = width if style.narrow() else (width - gap) / 2
    height = (top - bottom - 0.6) / 2 if style.narrow() else top - bottom - 0.25
    for number, (points, title) in enumerate(_planes(found)):
        x, y = style.MARGIN + number * (width + gap), bottom
        if style.narrow():
            x, y = style.MARGIN, bottom + (1 - number) * (height + 0.35)
        axes = style.place(figure, x, y, width, height)
        axes.set_title(title)
        axes.set_xticks([])
        axes.set_yticks([])
        if len(points):
            _plane(axes, found, points, (width, height))
        else:
            axes.text(0.5, 0.5, NO_TSNE, color=style.MUTED, ha="center", transform=axes.transAxes, fontsize=style.SMALL)
    _legend(figure, classes, names, bottom - 0.12)
    return figure


def _named_across() -> int:
    """The names of the legend in a line."""
    return 3 if style.narrow() else 5


def subtitle(found: Embeddings) -> str:
    text = f"{len(found.labels):,} test samples by the {found.features:,} numbers that the last layer is given"
    return f"{text}; color: true class; ring: predicted otherwise"


def _planes(found: Embeddings) -> list[tuple[Array, str]]:
    shares = " + ".join(f"{100 * share:.0f} %" for share in found.shares)
    return [(found.pca, f"PCA ({shares} of the variance)"), (found.tsne, "t-SNE (who is near whom)")]


def _plane(axes: Axes, found: Embeddings, points: Array, size: tuple[float, float]) -> None:
    """Draw all samples as dots, and images where there is room for them."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    # In inches, a margin for the images at the edges left out.
    at = (points - low) / span * (np.array(size) - 2 * SIDE) + SIDE
    axes.set_xlim(0, size[0])
    axes.set_ylim(0, size[1])
    for label in np.unique(found.labels).tolist():
        mine, right = found.labels == label, found.said == found.labels
        color, mark = look_of(label)
        axes.scatter(at[mine & right, 0], at[mine & right, 1], s=9, color=color, marker=mark, linewidths=0, alpha=0.8)
        axes.scatter(
            at[mine & ~right, 0],
            at[mine & ~right, 1],
            s=11,
            facecolors="none",
            edgecolors=color,
            marker=mark,
            linewidths=0.9,
        )
    for row in spread(at) if len(found.images) else ():
        x, y = at[row]
        image = found.images[row]
        height, width = (SIDE * side / max(image.shape[:2]) for side in image.shape[:2])
        extent = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
        axes.imshow(image[..., 0] if image.shape[2] < 3 else image[..., :3], cmap="gray", vmin=0, vmax=255,
                    extent=extent, aspect="auto", zorder=3)  # fmt: skip
        color = look_of(int(found.labels[row]))[0]
        axes.add_patch(Rectangle((extent[0], extent[2]), width, height, facecolor="none", edgecolor=color,
                                 linewidth=1.1, zorder=4))  # fmt: skip
    axes.set_xlim(0, size[0])
    axes.set_ylim(0, size[1])


def spread(at: Array) -> list[int]:
    """The samples that get an image: each as far from those before it as an image is wide."""
    chosen: list[int] = []
    for row, place in enumerate(at):
        if not chosen or np.abs(at[chosen] - place).max(axis=1).min() > 1.15 * SIDE:
            chosen.append(row)
    return chosen


def look_of(label: int) -> tuple[str, str]:
    """The color and the mark of a class."""
    return COLORS[label % len(COLORS)], MARKS[label // len(COLORS) % len(MARKS)]


def _legend(figure: Figure, classes: Sequence[int], names: Sequence[str], top: float) -> None:
    axes = style.sheet(figure)
    width = (style.width() - 2 * style.MARGIN) / _named_across()
    for number, label in enumerate(classes):
        row, column = divmod(number, _named_across())
        x, y = style.MARGIN + column * width, top - 0.16 * row
        color, mark = look_of(label)
        axes.scatter([x + 0.05], [y], s=14, color=color, marker=mark, linewidths=0)
        name = names[label] if label < len(names) else str(label)
        axes.text(x + 0.14, y, style.fit(name, width - 0.2, style.SMALL), fontsize=style.SMALL, va="center")


def _title(subject: str, found: Embeddings) -> str:
    return f"{subject}: how it sorts the samples"


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing for a run whose test samples were not looked at."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found, evaluated = embeddings.read(reader), latest(reader)
    if found is None or evaluated is None or not len(found.labels):
        return
    name, names = subject(reader), [safe(text) for text in evaluated.known]
    with style.applied():
        save(draw_embeddings(name, found, names), target, about(reader, _title(name, found), subtitle(found)))
