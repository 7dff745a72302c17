"""Figure: the layers of a network in forward order, with their output shapes and parameter counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from dltui.core.text import clean_line
from dltui.exports import style
from dltui.exports.format import count, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reader import RunReader

BOX, GAP = 0.46, 0.17
"""Inches: the height of a layer, and of the arrow to the next one."""
COLUMN, BETWEEN = 3.6, 0.5
LONGEST_COLUMN = 14
PAD = 0.09


@dataclass(frozen=True)
class Node:
    """One box. `shape` is the output without the batch, () when it is not known; `parameters` None for the input."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int | None


@dataclass
class Structure:
    """Nodes in forward order, the input first."""

    model: str
    nodes: Sequence[Node]

    @property
    def parameters(self) -> int:
        return sum(node.parameters or 0 for node in self.nodes)


def draw_structure(structure: Structure) -> Figure:
    columns = -(-len(structure.nodes) // LONGEST_COLUMN)
    rows = -(-len(structure.nodes) // columns)
    width = columns * COLUMN + (columns - 1) * BETWEEN + 2 * style.MARGIN
    figure = style.page(0.78 + rows * BOX + (rows - 1) * GAP + style.MARGIN, width)
    top = style.heading(figure, _title(structure), _subtitle(structure)) - 0.1
    axes = style.sheet(figure)
    for place, node in enumerate(structure.nodes):
        column, row = divmod(place, rows)
        x, y = style.MARGIN + column * (COLUMN + BETWEEN), top - row * (BOX + GAP)
        _box(axes, node, x, y)
        if place:
            _arrow(axes, x, y, None if row else (top - rows * (BOX + GAP) + GAP))
    return figure


def _title(structure: Structure) -> str:
    return f"{structure.model}: {plural(structure.parameters, 'parameter')}"


def _subtitle(structure: Structure) -> str:
    return f"{plural(len(structure.nodes) - 1, 'layer')}; output shapes without the batch"


def _box(axes: Axes, node: Node, x: float, top: float) -> None:
    """Name and kind above, shape and parameters below; layers that learn are blue."""
    learns = bool(node.parameters)
    head, edge = (style.HEAD_BLUE, style.BLUE) if learns else (style.GRID, style.RULE)
    half = BOX / 2
    axes.add_patch(Rectangle((x, top - half), COLUMN, half, facecolor=head, edgecolor="none"))
    axes.add_patch(Rectangle((x, top - BOX), COLUMN, BOX, facecolor="none", edgecolor=edge, linewidth=0.8))
    kwargs: dict[str, Any] = {"fontsize": style.SMALL, "va": "center_baseline"}
    room = COLUMN - 3 * PAD
    name = style.fit(node.name, room * 0.6, style.SMALL, "bold")
    axes.text(x + PAD, top - half / 2, name, fontweight="bold", **kwargs)
    kind = style.fit(node.kind, room - style.text_width(name, style.SMALL, "bold"), style.SMALL)
    axes.text(x + COLUMN - PAD, top - half / 2, kind, ha="right", **kwargs)
    shape = style.fit(_shape(node), room * 0.6, style.SMALL)
    axes.text(x + PAD, top - 1.5 * half, shape, **kwargs)
    if node.parameters is not None:
        text = plural(node.parameters, "parameter") if learns else "no parameters"
        colour = style.INK if learns else style.MUTED
        axes.text(x + COLUMN - PAD, top - 1.5 * half, text, ha="right", color=colour, **kwargs)


def _shape(node: Node) -> str:
    return " × ".join(map(count, node.shape)) or "–"


def _arrow(axes: Axes, x: float, top: float, bottom_before: float | None) -> None:
    """From the box above, or from the foot of the column before to the head of this one."""
    middle = x + COLUMN / 2
    if bottom_before is not None:
        aside, before = x - BETWEEN / 2, x - BETWEEN - COLUMN / 2
        over, under = top + GAP * 0.8, bottom_before - GAP * 0.5
        path = [(before, bottom_before), (before, under), (aside, under), (aside, over), (middle, over)]
        axes.plot(*zip(*path, strict=True), color=style.MUTED, linewidth=0.9, solid_joinstyle="miter")
    start = top + (GAP if bottom_before is None else GAP * 0.8)
    axes.annotate(
        "", xy=(middle, top), xytext=(middle, start),
        arrowprops={
            "arrowstyle": "-|>,head_width=0.14,head_length=0.28", "color": style.MUTED, "linewidth": 0.9,
            "shrinkA": 0, "shrinkB": 0,
        },
    )  # fmt: skip


def nodes(layers: Sequence[Mapping[str, Any]], input_shape: Sequence[int]) -> list[Node]:
    """From the layers of an attempt, as the log has them."""
    first = Node("input", "image" if len(input_shape) == 3 else "features", tuple(input_shape), None)
    return [first, *(_node(layer) for layer in layers)]


def _node(layer: Mapping[str, Any]) -> Node:
    shape = tuple(int(side) for side in layer.get("output") or ())
    return Node(
        clean_line(layer.get("name"), 100), clean_line(layer.get("kind"), 100), shape, int(layer.get("parameters") or 0)
    )


def export(reader: RunReader, target: Path) -> None:
    """Draws nothing before the model is built."""
    from dltui.exports.about import about
    from dltui.exports.save import save

    attempt = reader.history.attempt
    if attempt is None or not attempt.layers:
        return
    shape = [int(side) for side in attempt.dataset.get("input_shape") or ()]
    structure = Structure(clean_line(reader.run.get("model"), 100), nodes(attempt.layers, shape))
    with style.applied():
        described = "; ".join(f"{node.name} ({node.kind}): {_shape(node)}" for node in structure.nodes)
        save(draw_structure(structure), target, about(reader, _title(structure), described))
