"""Figure: the images that a model gets wrong, the most confident mistakes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.exports import style
from dltui.exports.format import count, likelihood, names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dltui.core.reader import RunReader

COLUMNS, ROWS = 8, 5
IMAGE = 0.66
"""Inches."""
LINE = 0.118


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
    cell = IMAGE + 4 * LINE + 0.14
    figure = style.page(0.66 + rows * cell)
    top = style.heading(
        figure, _title(mistakes), "above: true class; below: predicted class, its probability, sample id"
    )
    width = (style.WIDTH - 2 * style.MARGIN) / COLUMNS
    for position, mistake in enumerate(mistakes.shown):
        row, column = divmod(position, COLUMNS)
        _cell(figure, mistake, style.MARGIN + (column + 0.5) * width, top - 0.06 - row * cell, width - 0.06)
    if not mistakes.shown:
        style.write(figure, style.WIDTH / 2, top - cell / 2, "no mistakes", color=style.MUTED, ha="center")
    return figure


def _cell(figure: Figure, mistake: Mistake, centre: float, top: float, room: float) -> None:
    def line(y: float, text: str, size: float, **kwargs: Any) -> None:
        style.write(figure, centre, y, style.fit(text, room, size), fontsize=size, ha="center", va="top", **kwargs)

    line(top, mistake.true, style.SMALL)
    bottom = top - LINE - 0.04 - IMAGE
    axes = style.place(figure, centre - IMAGE / 2, bottom, IMAGE, IMAGE)
    grey = mistake.image.shape[2] == 1
    axes.imshow(mistake.image[..., 0] if grey else mistake.image[..., :3], cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    line(bottom - 0.035, mistake.said, style.SMALL, color=style.VERMILION, fontweight="bold")
    line(
        bottom - 0.045 - LINE, f"{likelihood(mistake.probability)}  #{mistake.sample}", style.TINY - 0.5,
        color=style.MUTED,
    )  # fmt: skip


def _title(mistakes: Mistakes) -> str:
    return (
        f"{count(mistakes.wrong)} of {count(mistakes.total)} {mistakes.split} images mislabeled, "
        f"most confident first: {mistakes.subject}"
    )


def collect(reader: RunReader, subject: str) -> Mistakes | None:
    """From the test split once it was evaluated, from the latest validation until then; None without images."""
    arrays = reader.predictions("test") or reader.predictions("validation-latest")
    attempt = reader.history.attempt
    if arrays is None or attempt is None or "thumbnails" not in arrays or arrays["thumbnails"].shape[1:] == (0, 0, 0):
        return None
    known = list(attempt.dataset.get("classes") or [])
    classes = names(known, max(len(known), int(arrays["labels"].max(initial=0)) + 1))
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
    return Mistakes(subject, str(arrays["split"]), shown, wrong, len(arrays["labels"]))


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
