"""Figure: the layers of a network in forward order, with their output shapes and parameter counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract.inputs import Input
from dltui.core.text import clean_line, plural
from dltui.exports.figures import diagram, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reading.reader import RunReader

MOST_BOXES = 80
"""The largest number of boxes; longer networks are a table."""
LONGEST_ROW = 4
"""The number of boxes that fit side by side."""
LINE = 0.19
"""The height in inches of a line of the table."""
# Left edges of the table's columns in inches; numbers end at PARAMETERS, bars begin at SHARE.
KIND, OUTPUT, PARAMETERS, SHARE = 2.3, 3.8, 5.85, 6.0


@dataclass(frozen=True)
class Node:
    """A layer in the diagram. `shape` is the output without the batch, () when it is not known; `parameters` None for
    the input.
    """

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


def draw_structure(structure: Structure, boxes: bool = True) -> Figure:
    """Draw the boxes and arrows of Graphviz, or a table with a line per layer."""
    if not boxes or len(structure.nodes) > MOST_BOXES:
        return _table(structure)
    known = [diagram.Box(node.name, node.kind, _shape(node), f"{node.parameters or 0:,}") for node in structure.nodes]
    return diagram.draw(known, _rows(len(known)), _title(structure), _subtitle(structure))


def _rows(boxes: int) -> int:
    """The number of boxes in a column: a short network is a single row, a long network has as few columns as a page
    allows.
    """
    if style.narrow():
        return math.ceil(boxes / 2) if boxes > LONGEST_ROW else boxes
    if boxes <= LONGEST_ROW:
        return 1
    return math.ceil(boxes / 3) if boxes <= 36 else math.ceil(boxes / LONGEST_ROW)


def _title(structure: Structure) -> str:
    return f"{structure.model}: {plural(structure.parameters, 'parameter')}"


def _subtitle(structure: Structure) -> str:
    return f"{plural(len(structure.nodes) - 1, 'layer')} in forward order; output shapes without the batch"


def _shape(node: Node) -> str:
    return " × ".join(map("{:,}".format, node.shape)) or "–"


def _table(structure: Structure) -> Figure:
    figure = style.page(0.95 + LINE * (len(structure.nodes) + 1))
    top = style.heading(figure, _title(structure), _subtitle(structure)) - 0.08
    axes = style.sheet(figure)
    _line(axes, top - LINE / 2, ("Layer", "Kind", "Output shape", "Parameters"), style.MUTED)
    _rule(axes, top - LINE)
    for number, node in enumerate(structure.nodes, 1):
        middle = top - LINE * (number + 0.5) - 0.03
        known = "" if node.parameters is None else f"{node.parameters:,}"
        _line(axes, middle, (node.name, node.kind, _shape(node), known), style.INK)
        _share(axes, middle, (node.parameters or 0) / max(structure.parameters, 1))
    _rule(axes, top - LINE * (len(structure.nodes) + 1) - 0.06)
    return figure


def _rule(axes: Axes, y: float) -> None:
    axes.plot([style.MARGIN, style.width() - style.MARGIN], [y, y], color=style.INK, linewidth=0.8)


def _line(axes: Axes, y: float, cells: Sequence[str], color: str) -> None:
    part, size = style.width() / style.WIDTH, style.TINY if style.narrow() else style.TEXT
    starts = (style.MARGIN, KIND * part, OUTPUT * part, PARAMETERS * part)
    rooms = (KIND * part - style.MARGIN - 0.1, (OUTPUT - KIND) * part - 0.1, 1.15 * part, 0.85 * part)
    for place, (text, x, room) in enumerate(zip(cells, starts, rooms, strict=True)):
        axes.text(
            x, y, style.fit(text, room, size), ha="right" if place == len(cells) - 1 else "left",
            va="center_baseline", color=color, fontsize=size,
        )  # fmt: skip


def _share(axes: Axes, y: float, share: float) -> None:
    """Draw a bar as long as the layer's share of all parameters."""
    if share > 0:
        left = SHARE * style.width() / style.WIDTH
        room = style.width() - style.MARGIN - left
        axes.barh(y, min(share, 1.0) * room, height=0.085, left=left, color=style.BLUE, linewidth=0)


def nodes(
    layers: Sequence[Mapping[str, Any]], input_shape: Sequence[int], named: Sequence[Mapping[str, Any]] = ()
) -> list[Node]:
    """The nodes of the layers of an attempt in the log, behind its input or, with named ones, their names."""
    if named:
        return [_input(named), *(_node(layer) for layer in layers)]
    first = Node("input", "image" if len(input_shape) == 3 else "features", tuple(input_shape), None)
    return [first, *(_node(layer) for layer in layers)]


def _input(named: Sequence[Mapping[str, Any]]) -> Node:
    try:
        given = [Input.from_json(record) for record in named]
        names = clean_line(" and ".join(one.name for one in given), 60)
        return Node("input", names, tuple(given[0].shape) if len(given) == 1 else (), None)
    except (TypeError, AttributeError):
        # Of a damaged run.
        return Node("input", "-", (), None)


def _node(layer: Mapping[str, Any]) -> Node:
    shape = tuple(int(side) for side in layer.get("output") or ())
    return Node(
        clean_line(layer.get("name"), 100), clean_line(layer.get("kind"), 100), shape, int(layer.get("parameters") or 0)
    )


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the model is built. Without the extra `diagram` it is a table."""
    from dltui.exports.about import about
    from dltui.exports.save import save

    attempt = reader.history.attempt
    if attempt is None or not attempt.layers:
        return
    shape = [int(side) for side in attempt.dataset.get("input_shape") or ()]
    structure = Structure(
        clean_line(reader.run.get("model"), 100),
        nodes(attempt.layers, shape, attempt.dataset.get("named_inputs") or ()),
    )
    with style.applied():
        described = "; ".join(f"{node.name} ({node.kind}): {_shape(node)}" for node in structure.nodes)
        figure = draw_structure(structure, diagram.available())
        save(figure, target, about(reader, _title(structure), described))
