"""Figure: what in an image speaks for the answer that was given, and for the right one, by Grad-CAM."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from dltui.core.analysis.evaluation import latest
from dltui.core.analysis.inside import heat_maps
from dltui.core.analysis.inside.heat_maps import SAID, TRUE, overlay
from dltui.core.text import safe
from dltui.exports.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.analysis.inside.heat_maps import HeatMaps
    from dltui.core.analysis.labels import Wrong
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

IMAGE, GAP, LINE = 0.66, 0.06, 0.118
"""Inches."""
CELL = IMAGE + 2 * LINE + 0.2
MISTAKES, RIGHT = (3, 5), (4, 2)
"""Columns and rows."""
SUBTITLE = "Grad-CAM: the brighter a part of the image, the more it speaks for the class below it"


NO_MISTAKES: Mapping[int, str] = {}


class Cell(NamedTuple):
    """A sample: a line above its pictures, and a caption below each."""

    head: str
    pictures: tuple[tuple[Array, str], ...]


def draw_explain(
    subject: str, found: HeatMaps, names: Sequence[str], mistakes: Mapping[int, str] = NO_MISTAKES
) -> Figure:
    """Draw the figure; `subject` is the model and its data, `names` are those of the outputs; `mistakes` as `cells`."""
    wrong, right = cells(found, names, mistakes)
    parts = [(f"mistakes: {subject}", wrong, _grid(MISTAKES)), ("right answers", right, _grid(RIGHT))]
    parts = [part for part in parts if part[1]] or [("no answers", [], MISTAKES)]
    heights = [0.2 + -(-len(found) // columns) * CELL for _, found, (columns, _) in parts]
    figure = style.page(0.7 + sum(heights) + 0.1)
    top = style.heading(figure, _title(subject, found), SUBTITLE)
    axes = style.sheet(figure)
    for (title, shown, (columns, _)), height in zip(parts, heights, strict=True):
        axes.text(style.MARGIN, top, title.split(":")[0], fontsize=style.SMALL, color=style.MUTED, va="top")
        width = (style.width() - 2 * style.MARGIN) / columns
        for number, cell in enumerate(shown):
            row, column = divmod(number, columns)
            _draw_cell(axes, cell, style.MARGIN + column * width, top - 0.2 - row * CELL)
        top -= height
    return figure


def cells(
    found: HeatMaps, names: Sequence[str], mistakes: Mapping[int, str] = NO_MISTAKES
) -> tuple[list[Cell], list[Cell]]:
    """The mistakes that are drawn, and the right answers. `mistakes` are lines about wrong samples by their ids, where
    the answers do not say it all.
    """
    wrong: list[Cell] = []
    right: list[Cell] = []
    for row, (said, true) in enumerate(found.outputs.tolist()):
        image = found.images[row]
        given, wanted = (_name(names, number) for number in (said, true))
        seen = [(overlay(image, np.asarray(found.maps[row, which], np.float32)), which) for which in (SAID, TRUE)]
        identity = f"#{int(found.ids[row])}"
        both = said != true
        pictures = ((image, identity), (seen[SAID][0], given), *([(seen[TRUE][0], wanted)] if both else []))
        head = mistakes.get(int(found.ids[row]), f"{wanted} → {given}" if both else "")
        (wrong if head else right).append(Cell(head or wanted, pictures))
    return wrong[: math.prod(_grid(MISTAKES))], right[: math.prod(_grid(RIGHT))]


def _grid(usual: tuple[int, int]) -> tuple[int, int]:
    """The columns and rows that there is room for."""
    columns, rows = usual
    return max(int(columns * style.width() / style.WIDTH + 0.1), 1), rows


def _draw_cell(axes: Axes, cell: Cell, left: float, top: float) -> None:
    room = len(cell.pictures) * (IMAGE + GAP) - GAP
    head = style.fit(cell.head, room, style.SMALL, "bold")
    axes.text(left, top, head, fontsize=style.SMALL, va="top", fontweight="bold")
    bottom = top - LINE - 0.04 - IMAGE
    for number, (image, caption) in enumerate(cell.pictures):
        x = left + number * (IMAGE + GAP)
        _image(axes, image, x + IMAGE / 2, bottom + IMAGE / 2)
        text = style.fit(caption, IMAGE, style.TINY)
        color = style.MUTED if number == 0 else style.VERMILION if number == 1 and len(cell.pictures) > 2 else style.INK
        axes.text(x + IMAGE / 2, bottom - 0.035, text, fontsize=style.TINY, ha="center", va="top", color=color)


def _image(axes: Axes, image: Array, x: float, y: float) -> None:
    """Draw an image undistorted, its longer side as long as there is room."""
    height, width = (IMAGE * side / max(image.shape[:2]) for side in image.shape[:2])
    left, bottom = x - width / 2, y - height / 2
    style.picture(
        axes, image[..., 0] if image.shape[2] < 3 else image[..., :3], (left, left + width, bottom, y + height / 2)
    )
    axes.add_patch(Rectangle((left, bottom), width, height, facecolor="none", edgecolor=style.RULE, linewidth=0.7))


def _title(subject: str, found: HeatMaps) -> str:
    return f"{subject}: what speaks for its answers"


def _name(names: Sequence[str], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def _labels(one: Wrong) -> str:
    """The labels that were missed, and those that were said without being so."""
    return ", ".join([*(f"− {name}" for name, _ in one.missed), *(f"+ {name}" for name, _ in one.invented)])


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing for a run without heat maps of its test result."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    found, evaluated = heat_maps.read(reader), latest(reader)
    if found is None or evaluated is None or not len(found.maps):
        return
    name, names = subject(reader), [safe(text) for text in evaluated.known]
    mistakes = {one.id: _labels(one) for one in evaluated.labels.wrong} if evaluated.labels else NO_MISTAKES
    with style.applied():
        drawn = cells(found, names, mistakes)
        described = "; ".join(f"{cell.pictures[0][1]} {cell.head}" for part in drawn for cell in part)
        save(
            draw_explain(name, found, names, mistakes),
            target,
            about(reader, _title(name, found), f"{SUBTITLE}. {described}"),
        )
