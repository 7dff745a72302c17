"""Figure: the images whose masks are worst, each beside its true and its predicted mask and their difference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from dltui.core.analysis.evaluation import latest
from dltui.core.tasks.segmentation import colors
from dltui.exports.figures import style
from dltui.exports.figures.masks.class_iou import title
from dltui.exports.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.masks.worst import Masks, Wrong
    from dltui.core.reading.reader import RunReader

DOWN, PANELS = 6, 4
LARGEST_SIDE, GAP = 0.8, 0.05
"""Inches."""
CAPTION = 0.17
MOST_NAMED = 24
"""Classes in the legend."""


def draw_worst_masks(subject: str, found: Masks) -> Figure:
    """Draw the images; `subject` is the model and its data."""
    shown, across, side = found.worst[: _across() * DOWN], _across(), _side()
    legend = _legend(found)
    rows = max(1, -(-len(shown) // across))
    cell = side + CAPTION + 0.1
    lines = 1 + max((line for *_, line in legend), default=0)
    figure = style.page(0.72 + 0.2 + lines * 0.16 + rows * cell)
    top = style.heading(figure, title(subject, found), _subtitle(found))
    axes = style.sheet(figure)
    for x, name, color, line in legend:
        y = top - 0.1 - line * 0.16
        axes.add_patch(Rectangle((x, y), 0.09, 0.09, facecolor=color, edgecolor=style.RULE, linewidth=0.5))
        axes.text(x + 0.13, y, name, fontsize=style.SMALL)
    top -= 0.1 + lines * 0.16
    wide = PANELS * (side + GAP)
    for place, one in enumerate(shown):
        row, column = divmod(place, across)
        left = style.MARGIN + column * (style.width() - 2 * style.MARGIN - wide + GAP)
        _row(axes, found, place, one, left, top - row * cell)
    if not shown:
        axes.text(style.width() / 2, top - cell / 2, "no wrong pixel", color=style.MUTED, ha="center")
    return figure


def _across() -> int:
    return 1 if style.narrow() else 2


def _side() -> float:
    """The side of a picture in inches."""
    room = (style.width() - 2 * style.MARGIN - 0.1 * (_across() - 1)) / _across()
    return min(LARGEST_SIDE, (room + GAP) / PANELS - GAP)


def _subtitle(found: Masks) -> str:
    background = style.fit(found.matrix.classes[0], 1.0, style.TEXT) if found.matrix.classes else ""
    return f"worst first: image, true mask, predicted mask, wrong pixels in their true color (of {background}: magenta)"


def _legend(found: Masks) -> list[tuple[float, str, Any, int]]:
    """The place, the name, the color and the line of each class."""
    names, x, line = [], style.MARGIN, 0
    for which in found.present[:MOST_NAMED]:
        name = style.fit(found.matrix.classes[which], 1.2, style.SMALL)
        width = 0.13 + style.text_width(name, style.SMALL) + 0.16
        if x + width > style.width() - style.MARGIN:
            x, line = style.MARGIN, line + 1
        names.append((x, name, colors.palette()[which] / 255, line))
        x += width
    return names


def _row(axes: Axes, found: Masks, place: int, one: Wrong, left: float, top: float) -> None:
    side = _side()
    for panel, pixels in enumerate(panels(found, place)):
        x = left + panel * (side + GAP)
        _picture(axes, pixels, x + side / 2, top - CAPTION - side / 2, side)
    called = one.name or f"#{one.id}"
    told = f"IoU {number(one.iou, 3)}  "
    axes.text(left, top - CAPTION + 0.05, told, fontsize=style.SMALL, fontweight="bold")
    start = style.text_width(told, style.SMALL, "bold") + 0.04
    room = PANELS * (side + GAP) - start - 0.1
    axes.text(left + start, top - CAPTION + 0.05, style.fit(called, room, style.SMALL), fontsize=style.SMALL,
              color=style.MUTED)  # fmt: skip


def panels(found: Masks, place: int) -> tuple[Any, Any, Any, Any]:
    """The image, its true mask, the predicted mask and the wrong pixels, uint8 (h, w, 3)."""
    image, true, said = found.images[place], found.true[place], found.said[place]
    rgb = np.repeat(image[..., :1], 3, axis=2) if image.shape[2] < 3 else image[..., :3]
    return rgb, colors.colored(true), colors.colored(said), colors.differences(image, true, said)


def _picture(axes: Axes, image: Any, x: float, y: float, longest: float) -> None:
    """Draw an image undistorted, its longer side as long as there is room."""
    height, width = (longest * side / max(image.shape[:2]) for side in image.shape[:2])
    left, bottom = x - width / 2, y - height / 2
    style.picture(axes, image, (left, left + width, bottom, bottom + height))
    axes.add_patch(Rectangle((left, bottom), width, height, facecolor="none", edgecolor=style.RULE, linewidth=0.7))


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first evaluation."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found = latest(reader)
    if found is None or found.masks is None:
        return
    name, masks = subject(reader), found.masks
    with style.applied():
        shown = masks.worst[: _across() * DOWN]
        described = "; ".join(f"#{one.id} IoU {number(one.iou, 3)}" for one in shown) or "No wrong pixel."
        save(draw_worst_masks(name, masks), target, about(reader, title(name, masks), described))
