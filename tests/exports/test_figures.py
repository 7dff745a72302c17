"""Figures: the same bytes each time, valid XML, whatever the class names are; golden files show what changes."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from dltui.core.analysis.confusion import Matrix
from dltui.core.analysis.evaluation import Evaluation, latest
from dltui.core.analysis.inside import embeddings as embedded
from dltui.core.analysis.inside import heat_maps
from dltui.core.analysis.masks.worst import Masks
from dltui.core.analysis.regression import Fit
from dltui.core.reading.reader import RunReader
from dltui.exports.about import About, about
from dltui.exports.figures import (
    confusion_matrix,
    mislabeled,
    precision_recall,
    regression,
    reliability,
    structure,
    style,
    training_metrics,
)
from dltui.exports.figures.inside import embeddings, explain
from dltui.exports.figures.masks import class_iou, worst_masks
from dltui.exports.figures.training_metrics import Curves, Training
from dltui.exports.save import render
from dltui.exports.write import write
from tests.core.analysis.test_labels import made
from tests.core.analysis.test_masks import made as made_masks
from tests.exports.runs import HOSTILE, names, reader
from tests.helpers.looked import look
from tests.helpers.marks import few

GOLDEN = Path(__file__).parent / "golden"
ABOUT = About("title", "description")
SVG = "{http://www.w3.org/2000/svg}"


def _training(found: RunReader) -> Figure:
    return training_metrics.draw_training_metrics(training_metrics.collect(found, "m on d"))  # type: ignore[arg-type]


def _latest(found: RunReader) -> Evaluation:
    evaluated = latest(found)
    assert evaluated
    return evaluated


def _confusion(found: RunReader) -> Figure:
    return confusion_matrix.draw_confusion_matrix("m on d", _latest(found).matrix)  # type: ignore[arg-type]


def _mislabeled(found: RunReader) -> Figure:
    mistakes = _latest(found).mistakes
    assert mistakes
    return mislabeled.draw_mislabeled("m on d", replace(mistakes, all=mistakes.all[:9]))


def _reliability(found: RunReader) -> Figure:
    return reliability.draw_reliability("m on d", "test", _latest(found).calibration)  # type: ignore[arg-type]


def _precision_recall(found: RunReader, labels: int = 5) -> Figure:
    evaluated = Evaluation(made(count=labels), [f"label number {n}" for n in range(labels)])
    return precision_recall.draw_precision_recall("m on d", evaluated.labels)  # type: ignore[arg-type]


def _masks(classes: int = 4, rows: int = 20) -> Masks:
    found = Evaluation(made_masks(rows, classes), ["road", *(f"class of things {n}" for n in range(1, classes))]).masks
    assert found
    return found


def _regression(found: RunReader) -> Figure:
    return regression.draw_regression("m on d", _latest(found).fit)  # type: ignore[arg-type]


def _several_targets(count: int) -> Fit:
    generator = np.random.default_rng(0)
    y = generator.normal(size=(80, count)) * 10.0 ** np.arange(count)
    said = y * (1 + generator.normal(size=y.shape) * np.linspace(0.1, 0.9, count))
    return Fit("test", 3, np.zeros((80, 4)), y, said, tuple(f"target {n}" for n in range(count)))


def _explain(found: RunReader) -> Figure:
    look(found.directory)
    maps = heat_maps.read(found)
    assert maps
    return explain.draw_explain("m on d", maps, [f"class number {n}" for n in range(10)])


def _embeddings(found: RunReader, neighbors: bool = True) -> Figure:
    look(found.directory)
    points = embedded.read(found)
    assert points
    points = points if neighbors else replace(points, tsne=points.tsne[:0])
    return embeddings.draw_embeddings("m on d", points, [f"class number {n}" for n in range(10)])


def _structure(found: RunReader) -> Figure:
    layers = found.history.attempt.layers  # type: ignore[union-attr]
    return structure.draw_structure(structure.Structure("m", structure.nodes(layers, [28, 28, 1])))


def _table(found: RunReader) -> Figure:
    layers = found.history.attempt.layers  # type: ignore[union-attr]
    return structure.draw_structure(structure.Structure("m", structure.nodes(layers, [28, 28, 1])), boxes=False)


def comparable(svg: str) -> str:
    """With pixels in place of PNG files, whose compression differs from one Pillow to the next."""

    def pixels(match: re.Match[str]) -> str:
        with Image.open(io.BytesIO(base64.b64decode(match[1]))) as image:
            return f"{image.size} {hashlib.sha256(image.convert('RGBA').tobytes()).hexdigest()}"

    return re.sub(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", pixels, svg)


@pytest.mark.parametrize(
    ("name", "draw", "options"),
    [
        ("training_metrics", _training, {}),
        ("training_metrics-running", _training, {"status": "running"}),
        ("training_metrics-regression", _training, {"task": "regression"}),
        ("confusion_matrix", _confusion, {}),
        ("confusion_matrix-two", _confusion, {"classes": ("cat", "dog")}),
        ("mislabeled", _mislabeled, {}),
        ("reliability", _reliability, {}),
        ("precision_recall", _precision_recall, {}),
        ("precision_recall-many", lambda found: _precision_recall(found, 30), {}),
        ("class_iou", lambda found: class_iou.draw_class_iou("m on d", _masks()), {}),
        ("class_iou-many", lambda found: class_iou.draw_class_iou("m on d", _masks(60, 200)), {}),
        ("worst_masks", lambda found: worst_masks.draw_worst_masks("m on d", _masks(9, 5)), {}),
        (
            "confusion_matrix-pixels",
            lambda found: confusion_matrix.draw_confusion_matrix("m on d", _masks().matrix),
            {},
        ),
        ("regression", _regression, {"task": "regression"}),
        ("regression-several", lambda found: regression.draw_regression("m on d", _several_targets(9)), {}),
        ("explain", _explain, {}),
        ("embeddings", _embeddings, {}),
        ("embeddings-pca", lambda found: _embeddings(found, False), {}),
        ("structure", _structure, {}),
        ("structure-row", _structure, {"task": "regression"}),
        ("structure-table", _table, {}),
    ],
)
def test_golden(tmp_path: Path, name: str, draw: Callable[[RunReader], Figure], options: dict[str, object]) -> None:
    """DLTUI_UPDATE_GOLDEN=1 accepts what is drawn; look at every picture then."""
    found = reader(tmp_path, **options)
    with style.applied():
        # Text as text: small files, and a difference that can be read.
        mpl.rcParams["svg.fonttype"] = "none"
        svg = comparable(render(draw(found), "svg", about(found, name, "a golden file")).decode())
    golden = GOLDEN / f"{name}.svg"
    if os.environ.get("DLTUI_UPDATE_GOLDEN"):
        golden.write_text(svg)
    if svg != golden.read_text():
        (tmp_path / "drawn.svg").write_text(svg)
        pytest.fail(f"{name} is not as it was: compare {golden} with {tmp_path / 'drawn.svg'}")


def test_labels_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    found = reader(tmp_path)
    with style.applied():
        figure = _precision_recall(found, 30)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert len(titles) == 12
    assert len({title.split("  ")[0] for title in titles}) == 12
    ticks = figure.axes[0].get_xticklabels()
    assert [tick.get_horizontalalignment() for tick in ticks] == ["left", "center", "right"]


@pytest.mark.parametrize("formats", few([["svg"], ["png"], ["pdf"]], 1, long=0))
@pytest.mark.long
def test_the_same_command_elsewhere_gives_the_same_bytes(tmp_path: Path, formats: list[str]) -> None:
    one = write(reader(tmp_path / "a", run_id="one"), tmp_path / "out1", formats).files
    two = write(reader(tmp_path / "b", run_id="two"), tmp_path / "out2", formats).files
    figures = [path for path in one if path.suffix == f".{formats[0]}"]
    assert len(figures) == 5
    for before, after in zip(one, two, strict=True):
        if before in figures:
            assert before.read_bytes() == after.read_bytes(), before.name


def test_svgs_are_described_and_carry_the_run_but_not_where_or_when(tmp_path: Path) -> None:
    found = reader(tmp_path, run_id="secret-otter")
    for path in write(found, tmp_path / "out", ["svg"]).files:
        if path.suffix != ".svg":
            continue
        root = ElementTree.parse(path).getroot()
        assert root.find(f"{SVG}title") is not None
        assert root.find(f"{SVG}desc") is not None
        text = path.read_text()
        for fact in ("cnn-torch", "5f" * 32, "lr=0.05", "seed: 0", "torch=2.14.1", "dltui train cnn-torch"):
            assert fact in text, (path.name, fact)
        attempt = found.history.attempt
        assert attempt
        for hidden in ("secret-otter", str(tmp_path), attempt.host, "/home/user", "2026-", "<dc:date"):
            assert not re.search(rf"\b{re.escape(hidden)}\b", comparable(text)), (path.name, hidden)


@pytest.mark.parametrize("formats", few([["svg"], ["svg", "png", "pdf"]], 1, long=0))
def test_hostile_class_names_stay_text(tmp_path: Path, formats: list[str]) -> None:
    done = write(reader(tmp_path, classes=HOSTILE), tmp_path / "out", formats)
    assert not done.problems
    assert {f"{name}.{ext}" for name in ("confusion_matrix", "mislabeled") for ext in formats} <= names(done.files)
    for path in done.files:
        if path.suffix == ".svg":
            ElementTree.parse(path)
            assert "\x1b" not in path.read_text()
            assert "<script" not in path.read_text()


def test_a_look_inside_is_drawn_once_there_is_one_and_names_stay_text(tmp_path: Path) -> None:
    found = reader(tmp_path, classes=HOSTILE)
    look(found.directory)
    done = write(found, tmp_path / "out", ["svg"])
    assert not done.problems
    assert {"explain.svg", "embeddings.svg"} <= names(done.files)
    for name in ("explain.svg", "embeddings.svg"):
        text = (tmp_path / "out" / name).read_text()
        ElementTree.parse(tmp_path / "out" / name)
        assert "\x1b" not in text
        assert "<script" not in text


def test_a_dollar_sign_is_no_formula() -> None:
    with style.applied():
        figure = style.page(1.0)
        text = style.write(figure, 0, 0, "costs $5 or \\frac $")
        render(figure, "png", ABOUT)
    assert not text.get_parse_math()


def _matrix(classes: list[str], counts: np.ndarray[Any, np.dtype[np.int64]]) -> Matrix:
    return Matrix("test", 8, tuple(classes), tuple(map(tuple, counts.tolist())))


@pytest.mark.parametrize(
    "size", [2, 20, 21, 40, 41, pytest.param(100, marks=pytest.mark.long), pytest.param(400, marks=pytest.mark.longest)]
)
def test_a_matrix_of_any_size_lies_on_its_page(size: int) -> None:
    counts = np.diag(np.full(size, 9_999))
    counts[0, 1] = 12
    matrix = _matrix([f"a rather long class name {i}" for i in range(size)], counts)
    with style.applied():
        figure = confusion_matrix.draw_confusion_matrix("m on d", matrix)
        assert not outside(figure)


def outside(figure: Figure) -> list[str]:
    """Texts that do not lie on the page as a whole."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = figure.get_size_inches() * figure.dpi
    found = []
    hidden = {id(text) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in _not_drawn(axis)}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in hidden and text.get_visible() and text.get_text():
            box = text.get_window_extent(canvas.get_renderer())
            if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
                found.append(text.get_text())
    return found


def _not_drawn(axis: Axis) -> list[Text]:
    """Labels of ticks beyond the axis' ends."""
    low, high = sorted(axis.get_view_interval())
    beyond = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
    return [label for tick in beyond for label in (tick.label1, tick.label2)]


def test_a_hundred_classes_list_the_worst_pairs() -> None:
    counts = np.zeros((100, 100), dtype=np.int64)
    counts[3, 7], counts[1, 2], counts[5, 5] = 9, 4, 80
    matrix = _matrix([f"class {i}" for i in range(100)], counts)
    assert matrix.worst(2) == [(9, 3, 7), (4, 1, 2)]
    assert matrix.accuracy == 80 / 93
    with style.applied():
        figure = confusion_matrix.draw_confusion_matrix("m on d", matrix)
    texts = [text.get_text() for text in figure.texts]
    assert texts[texts.index("class 3") : texts.index("class 3") + 3] == ["class 3", "class 7", "9"]


@pytest.mark.parametrize("boxes", [True, False])
@pytest.mark.parametrize("size", few([1, 13, 36, 3, 4, 35, 79, 80, 200], 3, long=0))
def test_a_network_of_any_depth_lies_on_its_page(size: int, boxes: bool) -> None:
    layer = {"name": "a layer with a long name" * 5, "kind": "Kind" * 30, "output": [1] * 40, "parameters": 10**12}
    with style.applied():
        figure = structure.draw_structure(structure.Structure("m", structure.nodes([layer] * size, [3])), boxes)
        assert not outside(figure)


def test_every_panel_marks_the_best_epoch(tmp_path: Path) -> None:
    found = reader(tmp_path)
    with style.applied():
        figure = _training(found)
    for axes in figure.axes:
        ring = axes.lines[-1]
        assert list(ring.get_xdata()) == [8]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_losses_with_a_name_have_panels_of_their_own(tmp_path: Path, count: int) -> None:
    """Of a loss that only training has, only that curve; the line below the title names none of them."""
    found = reader(tmp_path)
    for record in found.history.epochs.values():
        record.train.update({f"part{number}": 0.1 * number / record.epoch for number in range(count)})
        record.validation["part0"] = 0.2 / record.epoch
    with style.applied():
        figure = _training(found)
        assert not outside(figure)
    assert len(figure.axes) == 2 + count
    assert "part0" in figure.axes[2].get_title("left").lower().replace(" ", "")
    assert not any("part" in text.get_text() for text in figure.texts)
    boxes = [axes.get_position() for axes in figure.axes]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


@pytest.mark.parametrize("values", [[np.nan, np.nan], [1.0, np.nan], [1e-30, 1e30], [0.0, 0.0], [np.inf, 1.0]])
@pytest.mark.parametrize("metric", ["loss", "accuracy", "mse"])
def test_numbers_of_any_size_can_be_drawn(values: list[float], metric: str) -> None:
    training = Training("m on d", [Curves(metric, [1, 2], values, values[::-1])], 1, metric)
    with style.applied():
        figure = training_metrics.draw_training_metrics(training)
        assert render(figure, "svg", ABOUT).startswith(b"<?xml")
        assert not outside(figure)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 0.0])
@pytest.mark.parametrize("shape", [(5, 1), (5, 3)])
def test_predictions_of_any_size_can_be_drawn(value: float, shape: tuple[int, int]) -> None:
    x = np.linspace(0, 1, 5, dtype=np.float32)[:, None] * np.ones(shape, np.float32)
    fit = Fit("test", 8, x, x, np.full(shape, value, np.float32))
    with style.applied():
        assert render(regression.draw_regression("m on d", fit), "svg", ABOUT).startswith(b"<?xml")


def test_data_without_images_have_no_grid(tmp_path: Path) -> None:
    assert "mislabeled.svg" not in names(write(reader(tmp_path, image=False), tmp_path / "out", ["svg"]).files)


def test_the_steps_of_a_short_run_are_named_in_the_legend(tmp_path: Path) -> None:
    for epochs, named in ((2, ["train", "steps", "validation"]), (9, ["train", "validation"])):
        legend = _training(reader(tmp_path / str(epochs), epochs=epochs)).legends[0]
        assert [text.get_text() for text in legend.get_texts() if text.get_text() != "best epoch"] == named


def test_an_epoch_that_ended_early_is_marked_where_its_steps_end(tmp_path: Path) -> None:
    found = reader(tmp_path, epochs=2)
    history = found.history
    assert history.attempt
    per_epoch = history.attempt.steps_per_epoch
    history.epochs[2] = replace(history.epochs[2], step=per_epoch + per_epoch // 4, best=True)
    drawn = np.asarray(_training(found).axes[0].lines[1].get_xdata())
    assert drawn.tolist() == [1.0, 1 + per_epoch // 4 / per_epoch]


def test_a_fork_counts_the_epochs_of_its_parent() -> None:
    """One with another batch size begins at its parent's epoch, with a log of its own."""
    losses = [0.5, 0.4, 0.3, 0.2, 0.25]
    training = Training("m on d", [Curves("loss", range(6, 11), losses, losses)], 9, "loss")
    assert training_metrics._subtitle(training).startswith("best epoch 9 of 10: ")


def test_labels_that_no_sample_has_are_not_counted() -> None:
    def line(count: int, present: int) -> str:
        arrays = made(count=count)
        arrays["present"][:, present:] = 0
        found = Evaluation(arrays).labels
        assert found
        return precision_recall._subtitle(found)

    assert line(20, 8).startswith("average precision")
    assert line(20, 15).startswith("the 12 with the lowest of 15 labels; ")
