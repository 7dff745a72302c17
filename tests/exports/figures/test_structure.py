"""The structure of a network: boxes where Graphviz is installed, a table where it is not or where they are too many."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dltui.exports.about import About
from dltui.exports.figures import diagram, structure, style
from dltui.exports.figures.structure import Node, Structure, draw_structure, nodes
from dltui.exports.save import render
from dltui.tui.run_page.structure import _input
from tests.exports.runs import HOSTILE, reader

ABOUT = About("a title", "a description")


def chain(length: int) -> Structure:
    layer = {"name": "layer", "kind": "Dense", "output": [64], "parameters": 4160}
    return Structure("long-torch", nodes([layer] * length, [64]))


def test_layers_are_those_of_the_log_after_the_input(tmp_path: Path) -> None:
    attempt = reader(tmp_path).history.attempt
    assert attempt is not None
    found = Structure("m", nodes(attempt.layers, [28, 28, 1]))
    assert found.nodes[:2] == [Node("input", "image", (28, 28, 1), None), Node("conv1", "Conv2D 5x5", (28, 28, 6), 156)]
    assert found.parameters == attempt.parameters


@pytest.mark.parametrize("named", [[1], [{}], [{"name": "x", "shape": 3}]])
def test_inputs_of_a_damaged_run_have_no_names(named: list[Any]) -> None:
    assert nodes([], [], named) == [Node("input", "-", (), None)]
    assert _input({"named_inputs": named}) == "-"


def test_before_the_model_is_built_there_is_no_figure(tmp_path: Path) -> None:
    structure.export(reader(tmp_path, status="starting"), tmp_path / "structure.svg")
    assert not (tmp_path / "structure.svg").exists()


@pytest.mark.parametrize("installed", [True, False])
def test_without_graphviz_it_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    monkeypatch.setattr(diagram, "available", lambda: installed)
    structure.export(reader(tmp_path), tmp_path / "structure.svg")
    assert ("<!-- Output shape -->" in (tmp_path / "structure.svg").read_text()) is not installed


@pytest.mark.parametrize(("count", "rows"), [(2, 1), (4, 1), (5, 2), (11, 4), (60, 15)])
def test_boxes_stand_apart_in_reading_order_and_on_the_page(count: int, rows: int) -> None:
    width, height = 1.3, diagram.HEAD + diagram.BODY
    layout = diagram.place(count, rows, width)
    assert len(layout.arrows) == count - 1
    for number, (x, y) in enumerate(layout.middles):
        assert width / 2 - 0.02 <= x <= layout.width - width / 2 + 0.02
        assert height / 2 - 0.02 <= y <= layout.height - height / 2 + 0.02
        if number % rows:
            above = layout.middles[number - 1]
            assert x == pytest.approx(above[0])
            assert above[1] - y > height
        elif number:
            before = layout.middles[number - rows]
            assert x - before[0] > width
            assert y == pytest.approx(before[1])


@pytest.mark.parametrize("length", [1, 4, 12, 79])
def test_boxes_end_at_the_margin(length: int) -> None:
    with style.applied():
        figure = draw_structure(chain(length))
        assert render(figure, "png", ABOUT) == render(draw_structure(chain(length)), "png", ABOUT)
    (axes,) = figure.axes
    right = max(patch.get_window_extent().x1 for patch in axes.patches) / 72
    assert right <= style.WIDTH - style.MARGIN + 0.03


def test_a_network_too_long_for_boxes_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagram, "place", None)
    with style.applied():
        figure = draw_structure(chain(structure.MOST_BOXES))
    assert "Output shape" in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("boxes", [True, False])
def test_hostile_names_stay_text(boxes: bool) -> None:
    rows = [{"name": name, "kind": name, "output": [3], "parameters": 3} for name in HOSTILE]
    with style.applied():
        figure = draw_structure(Structure("m", nodes(rows, [3])), boxes)
        svg = render(figure, "svg", ABOUT).decode()
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    assert "\x1b" not in svg
