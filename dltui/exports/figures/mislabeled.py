"""Figure: the misclassified samples, the most confident mistakes first; images as a grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from dltui.core.analysis.evaluation import latest
from dltui.exports.figures import style
from dltui.exports.figures.samples import rows
from dltui.exports.wording import likelihood

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.mistakes import Mistake, Mistakes
    from dltui.core.reading.reader import RunReader

ROWS = 5
COLUMN = 0.86
"""Inches of an image with its captions, at least."""
IMAGE = 0.66
"""Inches."""
LINE = 0.118
SUBTITLE = "most confident first; above: true class; below: predicted class, its probability, sample id"


def draw_mislabeled(subject: str, found: Mistakes) -> Figure:
    """Draw the images; `subject` is the model and its data."""
    shown, columns = _shown(found), _columns()
    lines = max(1, -(-len(shown) // columns))
    cell = IMAGE + 3 * LINE + 0.18
    figure = style.page(0.7 + lines * cell)
    top = style.heading(figure, _title(subject, found), SUBTITLE)
    axes = style.sheet(figure)
    width = (style.width() - 2 * style.MARGIN) / columns
    for position, mistake in enumerate(shown):
        row, column = divmod(position, columns)
        _cell(axes, found, mistake, style.MARGIN + (column + 0.5) * width, top - 0.06 - row * cell, width - 0.06)
    if not shown:
        axes.text(style.width() / 2, top - cell / 2, "no mistakes", color=style.MUTED, ha="center")
    return figure


def _cell(axes: Axes, found: Mistakes, mistake: Mistake, center: float, top: float, room: float) -> None:
    def line(y: float, text: str, size: float, **kwargs: Any) -> None:
        fitting = style.fit(text, room, size, kwargs.get("fontweight", "normal"))
        axes.text(center, y, fitting, fontsize=size, ha="center", va="top", **kwargs)

    line(top, found.name(mistake.true), style.SMALL)
    bottom = top - LINE - 0.04 - IMAGE
    _image(axes, found.images[mistake.image], center, bottom + IMAGE / 2)
    line(bottom - 0.035, found.name(mistake.said), style.SMALL, color=style.VERMILION, fontweight="bold")
    line(
        bottom - 0.045 - LINE, f"{likelihood(mistake.probability)}  #{mistake.id}", style.TINY - 0.5,
        color=style.MUTED,
    )  # fmt: skip


def _image(axes: Axes, image: np.ndarray[Any, np.dtype[np.uint8]], x: float, y: float) -> None:
    """Draw an image undistorted, its longer side as long as there is room."""
    height, width = (IMAGE * side / max(image.shape[:2]) for side in image.shape[:2])
    left, bottom = x - width / 2, y - height / 2
    shown = image[..., 0] if image.shape[2] < 3 else image[..., :3]
    style.picture(axes, shown, (left, left + width, bottom, bottom + height))
    axes.add_patch(Rectangle((left, bottom), width, height, facecolor="none", edgecolor=style.RULE, linewidth=0.7))


def _title(subject: str, found: Mistakes) -> str:
    what = "samples" if found.texts or len(found.lines) else "images"
    return f"{subject}: {found.wrong:,} of {found.total:,} {found.split} {what} misclassified"


def _shown(found: Mistakes) -> tuple[Mistake, ...]:
    return found.all[: min(_columns() * ROWS, len(found.images))]


def _columns() -> int:
    return max(int((style.width() - 2 * style.MARGIN) / COLUMN + 1e-6), 1)


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation, nor for samples that are not kept."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    evaluated = latest(reader)
    found = evaluated.mistakes if evaluated else None
    if found is None:
        return
    named = bool(found.texts) or bool(len(found.lines))
    # A model that makes no mistake still has images, of some height and width.
    if not named and not all(found.images.shape[1:]):
        return
    name = subject(reader)
    with style.applied():
        described = "; ".join(
            f"#{mistake.id} true {found.name(mistake.true)}, predicted {found.name(mistake.said)}"
            for mistake in (rows.shown_of(found) if named else _shown(found))
        )
        figure = rows.draw_rows(_title(name, found), found) if named else draw_mislabeled(name, found)
        save(figure, target, about(reader, _title(name, found), described))
