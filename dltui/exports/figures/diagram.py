"""Boxes and arrows in the style of a Keras model plot: Graphviz places them, the figures' own style draws them.

Graphviz gets sizes and no text, so that the picture depends neither on its fonts nor on what a plugin calls a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from dltui.exports.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 72.0
HEAD, BODY = 0.21, 0.21
"""Inches of a box's two lines."""
GAP = 0.17
"""Inches between the boxes of a column."""
BESIDE, ROUTE = 0.3, 0.1
"""The gap in inches between short columns, and on either side of an arrow between long columns."""
MANY_COLUMNS = 4
SHORT_COLUMN = 2
WIDEST = 2.2
PAD = 0.07
HEAD_LENGTH, HEAD_WIDTH = 0.07, 0.055

Points = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Box:
    """A layer: `name` and `kind` above, `shape` and the number of `parameters` below; without parameters it is gray."""

    name: str
    kind: str
    shape: str
    parameters: str

    @property
    def learns(self) -> bool:
        return self.parameters != "0"


@dataclass(frozen=True)
class Layout:
    """The layout in inches from the lower left corner: the centers of the boxes, the curves of the arrows (points of
    cubic Béziers and the tip), and the total size.
    """

    middles: list[tuple[float, float]]
    arrows: list[tuple[Points, Points]]
    width: float
    height: float


def available() -> bool:
    """True if the extra `diagram` is installed."""
    return find_spec("pygraphviz") is not None


def draw(boxes: Sequence[Box], rows: int, title: str, subtitle: str) -> Figure:
    """Columns of `rows` boxes, read from top to bottom and from left to right."""
    columns = -(-len(boxes) // rows)
    room = style.width() - 2 * style.MARGIN
    box = min(room / columns - BESIDE, WIDEST)
    layout = place(len(boxes), rows, box)
    if layout.width > room or rows > 1:
        # What the arrows between the columns need is known only now.
        box += (room - layout.width) / columns - 0.01
        layout = place(len(boxes), rows, box)
    figure = style.page(0.58 + layout.height + 2 * style.MARGIN)
    style.heading(figure, title, subtitle)
    axes = style.sheet(figure)
    width, height = (float(value) for value in figure.get_size_inches())
    # The layout begins at the margins.
    axes.set_xlim(-style.MARGIN, width - style.MARGIN)
    axes.set_ylim(-style.MARGIN, height - style.MARGIN)
    for curve, tip in layout.arrows:
        _arrow(axes, curve, tip)
    size = style.SMALL if columns < MANY_COLUMNS or rows == 1 else style.TINY
    for item, middle in zip(boxes, layout.middles, strict=True):
        _box(axes, item, middle, box, size)
    return figure


def place(count: int, rows: int, width: float) -> Layout:
    """The layout by Graphviz of a chain of boxes that is folded into columns."""
    import pygraphviz

    graph = pygraphviz.AGraph(directed=True)
    # An arrow past boxes in between makes itself room; between boxes of neighboring ranks there is only the gap.
    gap = BESIDE if rows <= SHORT_COLUMN else ROUTE
    graph.graph_attr.update(rankdir="TB", nodesep=gap, ranksep=GAP, splines="spline")
    graph.node_attr.update(shape="box", fixedsize="true", width=width, height=HEAD + BODY, label="")
    graph.edge_attr.update(arrowsize=HEAD_LENGTH * POINTS / 10)
    for number in range(count):
        graph.add_node(number, group=number // rows)
    tops = list(range(0, count, rows))
    graph.add_subgraph(tops, rank="same")
    for number in range(1, count):
        if number % rows:
            graph.add_edge(number - 1, number, weight=100, tailport="s", headport="n")
        else:
            graph.add_edge(number - 1, number, constraint=str(rows == 1).lower(), tailport="e", headport="w")
            if rows > 1:
                # Keeps the columns in their order.
                graph.add_edge(number - rows, number, style="invis")
    graph.layout("dot")
    middles = [_points(graph.get_node(number).attr["pos"])[0] for number in range(count)]
    edges = [edge for edge in graph.edges() if edge.attr["style"] != "invis"]
    *_, right, top = (float(value) / POINTS for value in graph.graph_attr["bb"].split(","))
    return Layout([(float(x), float(y)) for x, y in middles], [_curve(e.attr["pos"]) for e in edges], right, top)


def _curve(position: str) -> tuple[Points, Points]:
    """The points of an arrow, which Graphviz writes as `e,tip point point ...`."""
    tip, _, rest = position.removeprefix("e,").partition(" ")
    return _points(rest), _points(tip)[0]


def _points(text: str) -> Points:
    return np.array([[float(value) for value in pair.split(",")] for pair in text.split()]) / POINTS


def _arrow(axes: Axes, curve: Points, tip: Points) -> None:
    direction = tip - curve[-1]
    direction = direction / max(float(np.hypot(*direction)), 1e-9)
    end = tip - direction * HEAD_LENGTH
    codes = [Path.MOVETO, *[Path.CURVE4] * (len(curve) - 1), Path.LINETO]
    line = Path([tuple(point) for point in (*curve, end)], codes)
    axes.add_patch(PathPatch(line, facecolor="none", edgecolor=style.MUTED, linewidth=0.9, capstyle="butt"))
    side = np.array([-direction[1], direction[0]]) * HEAD_WIDTH / 2
    axes.add_patch(Polygon([tip, end + side, end - side], closed=True, facecolor=style.MUTED, linewidth=0))


def _box(axes: Axes, box: Box, middle: tuple[float, float], width: float, size: float) -> None:
    left, bottom = middle[0] - width / 2, middle[1] - (HEAD + BODY) / 2
    head, edge = (style.HEAD_BLUE, style.BLUE) if box.learns else (style.GRID, style.RULE)
    axes.add_patch(Rectangle((left, bottom + BODY), width, HEAD, facecolor=head, edgecolor=edge, linewidth=0.8))
    axes.add_patch(Rectangle((left, bottom), width, BODY, facecolor=style.PAPER, edgecolor=edge, linewidth=0.8))
    line = _Line(axes, left, width, size)
    line.write(box.name, box.kind, bottom + BODY + HEAD / 2, "bold")
    count = f"{box.parameters} parameter{'' if box.parameters == '1' else 's'}" if box.learns else ""
    long = style.text_width(f"{box.shape}{count}", size) > width - 3 * PAD
    line.write(box.shape, box.parameters if long and box.learns else count, bottom + BODY / 2, "normal")


@dataclass(frozen=True)
class _Line:
    """A line of a box, with a text at each end; the longer text is shortened where both do not fit."""

    axes: Axes
    left: float
    width: float
    size: float

    def write(self, start: str, end: str, y: float, weight: str) -> None:
        room = self.width - 3 * PAD
        least = min(style.text_width(end, self.size), room / 2)
        last = style.fit(end, max(room - style.text_width(start, self.size, weight), least), self.size)
        first = style.fit(start, room - style.text_width(last, self.size), self.size, weight)
        common: dict[str, Any] = {"va": "center_baseline", "fontsize": self.size}
        self.axes.text(self.left + PAD, y, first, ha="left", fontweight=weight, **common)
        self.axes.text(self.left + self.width - PAD, y, last, ha="right", **common)
