"""Figure: the images that a model gets wrong, the most confident mistakes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from dltui.exports.figures import style
from dltui.exports.wording import count, likelihood, names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reading.reader import RunReader

COLUMNS, ROWS = 8, 5
IMAGE = 0.66
"""Inches."""
LINE = 0.118
SUBTITLE = "most confident first; above: true class; below: predicted class, its probability, sample id"


@dataclass
class Mistake:
    """`image` is uint8 (h, w, c)."""

    image: np.ndarray[Any, np.dtype[np.uint8]]
    true: str
    said: str
    probability: float
    sample: int


@dataclass
class Mistakes:
    """The first ones of `wrong` mistakes in `total` samples."""

    subject: str
    split: str
    shown: Sequence[Mistake]
    wrong: int
    total: int


def draw_mislabeled(mistakes: Mistakes) -> Figure:
    rows = max(1, -(-len(mistakes.shown) // COLUMNS))
    cell = IMAGE + 3 * LINE + 0.18
    figure = style.page(0.7 + rows * cell)
    top = style.heading(figure, _title(mistakes), SUBTITLE)
    axes = style.sheet(figure)
    width = (style.WIDTH - 2 * style.MARGIN) / COLUMNS
    for position, mistake in enumerate(mistakes.shown):
        row, column = divmod(position, COLUMNS)
        _cell(axes, mistake, style.MARGIN + (column + 0.5) * width, top - 0.06 - row * cell, width - 0.06)
    if not mistakes.shown:
        axes.text(style.WIDTH / 2, top - cell / 2, "no mistakes", color=style.MUTED, ha="center")
    return figure


def _cell(axes: Axes, mistake: Mistake, center: float, top: float, room: float) -> None:
    def line(y: float, text: str, size: float, **kwargs: Any) -> None:
        fitting = style.fit(text, room, size, kwargs.get("fontweight", "normal"))
        axes.text(center, y, fitting, fontsize=size, ha="center", va="top", **kwargs)

    line(top, mistake.true, style.SMALL)
    bottom = top - LINE - 0.04 - IMAGE
    _image(axes, mistake.image, center, bottom + IMAGE / 2)
    line(bottom - 0.035, mistake.said, style.SMALL, color=style.VERMILION, fontweight="bold")
    line(
        bottom - 0.045 - LINE, f"{likelihood(mistake.probability)}  #{mistake.sample}", style.TINY - 0.5,
        color=style.MUTED,
    )  # fmt: skip


def _image(axes: Axes, image: np.ndarray[Any, np.dtype[np.uint8]], x: float, y: float) -> None:
    """Undistorted, the longer side as long as there is room."""
    height, width = (IMAGE * side / max(image.shape[:2]) for side in image.shape[:2])
    left, bottom = x - width / 2, y - height / 2
    shown = image[..., 0] if image.shape[2] < 3 else image[..., :3]
    style.picture(axes, shown, (left, left + width, bottom, bottom + height))
    axes.add_patch(Rectangle((left, bottom), width, height, facecolor="none", edgecolor=style.RULE, linewidth=0.7))


def _title(mistakes: Mistakes) -> str:
    return (
        f"{mistakes.subject}: {count(mistakes.wrong)} of {count(mistakes.total)} {mistakes.split} images misclassified"
    )


def collect(reader: RunReader, subject: str) -> Mistakes | None:
    """From the test split once it was evaluated, from the latest validation until then; None without images."""
    from dltui.core.analysis.evaluation import latest

    found, attempt = latest(reader), reader.history.attempt
    arrays = found.arrays if found else {}
    if found is None or attempt is None or not all(arrays.get("thumbnails", np.zeros(0)).shape[1:]):
        return None
    known = list(attempt.dataset.get("classes") or [])
    largest = max(int(arrays["labels"].max(initial=0)), int(arrays["top"].max(initial=0)))
    classes = names(known, max(len(known), largest + 1))
    shown = [
        Mistake(
            image,
            classes[arrays["labels"][row]],
            classes[arrays["top"][row, 0]],
            float(arrays["probabilities"][row, 0]),
            int(arrays["ids"][row]),
        )
        for row, image in zip(arrays["wrong"][: COLUMNS * ROWS], arrays["thumbnails"], strict=False)
    ]
    wrong = int((arrays["labels"] != arrays["top"][:, 0]).sum())
    return Mistakes(subject, found.split, shown, wrong, len(arrays["labels"]))


def export(reader: RunReader, target: Path) -> None:
    """Draws nothing before the first evaluation, nor for data without images."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    mistakes = collect(reader, subject(reader))
    if mistakes is None:
        return
    with style.applied():
        described = "; ".join(f"#{m.sample} true {m.true}, predicted {m.said}" for m in mistakes.shown)
        save(draw_mislabeled(mistakes), target, about(reader, _title(mistakes), described))
