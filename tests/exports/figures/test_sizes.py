"""Figures have the width that is wished, whatever they show, and take no more memory than they have to."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from dltui.core.analysis.confusion import Matrix
from dltui.exports import save
from dltui.exports.figures import confusion_matrix, style
from dltui.exports.figures.matrix_grid import LARGEST_CELL, Grid
from dltui.exports.look import Look, looking
from tests.exports.test_figures import ABOUT, outside

INCH = 25.4


def of_classes(size: int, name: str = "a rather long class name") -> Matrix:
    counts = np.diag(np.full(size, 9_999))
    counts[0, 1] = 12
    return Matrix("test", 8, tuple(f"{name} {number}" for number in range(size)), tuple(map(tuple, counts.tolist())))


@pytest.mark.parametrize(
    ("size", "width"),
    [(2, 175), (2, 500), (10, 85), (10, 200), (20, 130), (21, 130), (21, 200), (100, 175), (100, 300)],
)
def test_a_matrix_is_as_wide_as_it_is_wished(size: int, width: float) -> None:
    with looking(Look(width=width / INCH)), style.applied():
        figure = confusion_matrix.draw_confusion_matrix("m on d", of_classes(size))
        assert not outside(figure)
    assert figure.get_size_inches()[0] == pytest.approx(width / INCH)


def grid(size: int, width: float) -> Grid:
    """The grid of so many classes on a page of so many millimeters."""
    with looking(Look(width=width / INCH)), style.applied():
        return Grid.of([f"c {number}" for number in range(size)], 9_999)


@pytest.mark.parametrize("width", [130, 175, 200])
@pytest.mark.parametrize("size", [21, 40, 100, 1000])
def test_many_classes_use_the_width_that_there_is(size: int, width: float) -> None:
    assert grid(size, width).side > 0.65 * width / INCH
    assert grid(size, 500).side > 1.2 * grid(size, width).side


def test_few_classes_grow_with_the_page() -> None:
    assert grid(10, 500).side > 2 * grid(10, 175).side
    assert grid(2, 175).cell == LARGEST_CELL


def test_the_worst_pairs_are_listed_where_there_is_room() -> None:
    assert [grid(100, width).pairs for width in (175, 300, style.WIDTH * INCH)] == [False, True, True]


def test_labels_are_no_higher_than_the_cells_beside_the_list_of_pairs() -> None:
    found = grid(60, 236)
    assert found.pairs
    assert found.label_size <= found.cell * 72 / 1.2


def test_a_thousand_classes_take_little_memory() -> None:
    with style.applied():
        figure = style.page(8.0)
        axes = style.sheet(figure)
        confusion_matrix._cells(axes, of_classes(1000), Grid.of([str(n) for n in range(1000)], 9_999))
    (image,) = axes.images
    assert np.asarray(image.get_array()).nbytes < 20_000_000
    assert np.asarray(image.get_array())[0, 0].tolist() == [
        round(255 * part) for part in confusion_matrix.COLORS(0.99999)
    ]


def test_small_pictures_keep_their_sharp_pixels() -> None:
    with style.applied():
        axes = style.sheet(style.page(2.0))
        for side in (1, 28, 100, 400, 3_000):
            style.picture(axes, np.zeros((side, side), np.uint8), (0, 1, 0, 1))
    sides = [np.asarray(image.get_array()).shape[0] for image in axes.images]
    assert sides == [224, 224, 600, 2_400, 3_000]


def test_a_png_of_any_length_can_be_written() -> None:
    """A network of a thousand layers is a table as high as a house."""
    with looking(Look(dpi=600)), style.applied():
        png = save.render(Figure(figsize=(0.2, 210.0)), "png", ABOUT)
        usual = save.render(Figure(figsize=(0.2, 100.0)), "png", ABOUT)
    sizes = [Image.open(io.BytesIO(found)).size for found in (png, usual)]
    assert 64_900 <= sizes[0][1] <= 65_000
    assert sizes[1] == (120, 60_000)
