"""Figures as they are wished: width, title, resolution, text; and the steps of a short run behind its epochs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from dltui.core.errors import UsageError
from dltui.core.reading.reader import RunReader
from dltui.core.worker.figures import Look as Wishes
from dltui.core.worker.figures import millimeters
from dltui.exports.figures import confusion_matrix, reliability, style, training_metrics
from dltui.exports.look import Look, looking
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    return reader(make_sample_run(tmp_path_factory.mktemp("runs"), epochs=4, image=False).path)


def reader(path: Path) -> RunReader:
    found = RunReader(path)
    found.refresh()
    return found


def drawn(run: RunReader, look: Look, target: Path, module: object = training_metrics) -> str:
    with looking(look):
        module.export(run, target)  # type: ignore[attr-defined]
    return target.read_text() if target.suffix == ".svg" else ""


def inches(svg: str) -> tuple[float, float]:
    width, height = (float(re.search(rf' {side}="([\d.]+)pt"', svg)[1]) / 72 for side in ("width", "height"))  # type: ignore[index]
    return width, height


@pytest.mark.parametrize("module", [training_metrics, confusion_matrix, reliability])
def test_a_figure_is_as_wide_as_a_column(run: RunReader, tmp_path: Path, module: object) -> None:
    svg = drawn(run, Look(width=85 / 25.4), tmp_path / "a.svg", module)
    assert inches(svg)[0] == pytest.approx(85 / 25.4, abs=0.01)
    plain = drawn(run, Look(width=85 / 25.4, title=False), tmp_path / "b.svg", module)
    assert inches(plain)[1] < inches(svg)[1] - 0.2, "what the heading took is not left empty"


def test_without_a_title_the_words_are_in_the_metadata_alone(run: RunReader, tmp_path: Path) -> None:
    said = drawn(run, Look(live_text=True), tmp_path / "a.svg")
    assert re.search(r"<text[^>]*>Training of cnn-torch on fashion-mnist</text>", said)
    quiet = drawn(run, Look(live_text=True, title=False), tmp_path / "b.svg")
    assert not re.search(r"<text[^>]*>Training of", quiet)
    assert "<title>Training of cnn-torch on fashion-mnist</title>" in quiet
    assert "<text" not in drawn(run, Look(), tmp_path / "c.svg"), "outlines need no font"


def test_a_png_has_the_pixels_that_are_asked_for(run: RunReader, tmp_path: Path) -> None:
    drawn(run, Look(width=4.0, dpi=50), tmp_path / "a.png")
    assert Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())).width == 200


def test_headings_of_narrow_figures_take_two_lines_at_most() -> None:
    with style.applied():
        text = "linear regression of a model with a very long name on data with a very long name: test error 0.2"
        lines = style.wrapped(text, 2.0, 8.0)
        assert len(lines) == 2
        assert lines[1].endswith("…")
        assert all(style.text_width(line, 8.0) <= 2.0 for line in lines)
        assert style.wrapped("short", 3.0, 8.0) == ["short"]
        assert style.wrapped("", 3.0, 8.0) == []


def test_the_steps_of_a_short_run_are_behind_its_epochs(run: RunReader, tmp_path: Path) -> None:
    epochs, losses = training_metrics.steps_of(run.history, "loss")
    assert 50 < len(epochs) <= training_metrics.STEP_POINTS
    assert 0 < epochs[0] < 0.2
    assert epochs[-1] == pytest.approx(4)
    assert losses[0] > losses[-1]
    long = reader(make_sample_run(tmp_path, epochs=6, run_id="long", image=False).path)
    assert training_metrics.steps_of(long.history, "loss") == ((), ())


@pytest.mark.parametrize(("text", "wanted"), [("85mm", 85), ("17.5cm", 175), ("7in", 177.8), (" 85MM ", 85)])
def test_widths(text: str, wanted: float) -> None:
    assert millimeters(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["85", "mm", "wide", "10mm", "9000mm", "nanmm", "-85mm"])
def test_a_wrong_width_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a width is "):
        millimeters(text)


def test_wishes_as_words() -> None:
    assert Wishes().words() == []
    assert Wishes(False, 85.0, 300, "live").words() == "--no-title --width 85mm --dpi 300 --text live".split()


def test_the_page_has_a_table_of_classes_and_the_curve_of_the_learning_rate(run: RunReader) -> None:
    from dltui.exports.report import rate_curve, report

    table = report._classes(run)
    assert table.count("<tr") == 11
    assert "<td>Ankle boot</td>" in table
    assert "Of the test split." in table
    svg = rate_curve.draw(run).decode()
    assert svg == rate_curve.draw(run).decode()
    assert '<g id="axes_1">' in svg
    with looking(Look(width=3.0)):
        assert inches(rate_curve.draw(run).decode())[0] == pytest.approx(7.2, abs=0.01), "the page is as it always is"
