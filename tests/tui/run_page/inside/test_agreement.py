"""A screen, a figure, a table and a logger tell the same of the same predictions."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Split
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.train import predictions
from dltui.exports.figures import confusion_matrix, regression
from dltui.exports.tables.summary import summary
from dltui.plugins.loggers.tensorboard import TensorBoard
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, drawn, looked_inside, shown, text

X = np.linspace(-3, 3, 60, dtype=np.float32)[:, None]
ONE_X = np.ones_like(X)


def read(services: FakeServices, run: str) -> RunReader:
    reader = RunReader(RunDirectory(services.root / run))
    reader.refresh()
    return reader


async def screen(services: FakeServices, run: str) -> tuple[str, Any]:
    """What the second tab shows, as text, and its page."""
    async with shown(services, run=run) as (app, pilot):
        await pilot.press("2")
        await drawn(pilot, lambda: looked_inside(app.screen))
        return text(app), app.screen


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("x", "prediction", "line"),
    [(X, 2 * X + 1, (2, 1)), (X, np.tanh(X), None), (ONE_X, 2 * ONE_X, None), (ONE_X, X, None)],
    ids=["straight", "bent", "one-x", "one-x-several-predictions"],
)
async def test_a_line_is_shown_where_the_predictions_are_one(
    services: FakeServices, tmp_path: Path, x: Any, prediction: Any, line: tuple[float, float] | None
) -> None:
    arrays = predictions.collect("regression", prediction, Split(x, x + 0.5, np.arange(len(x))), "test", 8)
    predictions.write(services.root / "lines-1" / "predictions" / "test.npz", arrays)
    rows, _ = await screen(services, "lines-1")
    found = re.search(r"y = (\S+) x \+ (\S+)", rows)
    assert "residuals " in rows
    reader = read(services, "lines-1")
    table = summary(reader)
    regression.export(reader, tmp_path / "figure.svg")
    described = re.search(r"fitted line y = (\S+) x \+ ([0-9.]+)", (tmp_path / "figure.svg").read_text())
    if line is None:
        assert (found, table["slope"], table["intercept"], described) == (None, None, None, None)
    else:
        assert found
        assert described
        for told in (found.groups(), (table["slope"], table["intercept"]), described.groups()):
            assert [float(value) for value in told] == pytest.approx(line, abs=1e-4)


class Writer:
    """In place of tensorboardX's: keeps the images."""

    images: dict[str, Any]

    def __init__(self, folder: str, **options: Any) -> None:
        Writer.images = {}

    def add_image(self, name: str, image: Any, step: int, dataformats: str) -> None:
        self.images[name] = image

    def add_scalar(self, *values: Any) -> None:
        pass

    def close(self) -> None:
        pass


def logged(reader: RunReader, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The images of a TensorBoard logger that followed the run."""
    package, summaries = ModuleType("tensorboardX"), ModuleType("tensorboardX.summary")
    vars(package).update(SummaryWriter=Writer)
    vars(summaries).update(hparams=lambda *_: ())
    monkeypatch.setitem(sys.modules, "tensorboardX", package)
    monkeypatch.setitem(sys.modules, "tensorboardX.summary", summaries)
    board = TensorBoard(reader, "", 1)
    board.event({"type": "attempt_started", "start_step": 0})
    board.close("finished")
    return Writer.images


def pictured(reader: RunReader, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The numbers in the cells of the figure."""
    figures: list[Any] = []
    monkeypatch.setattr("dltui.exports.save.save", lambda figure, *_: figures.append(figure))
    confusion_matrix.export(reader, Path("nowhere"))
    cells = [(*label.get_position(), label.get_text()) for label in figures[0].axes[0].texts]
    counts = np.zeros((3, 3), dtype=int)
    for x, y, number in cells:
        if number.isdigit():
            counts[int(y), int(x)] = int(number)
    return counts


@pytest.mark.parametrize(("status", "split"), [("finished", "test"), ("interrupted", "validation")])
async def test_a_logger_a_figure_and_the_screen_have_one_matrix(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, status: str, split: str
) -> None:
    """Of a run that was resumed and has not been tested again the old test counts for none of them."""
    run = make_sample_run(services.root, status=status, run_id="three", classes=("cat", "dog", "emu"))
    if status == "interrupted":
        every = np.zeros(9, dtype=np.int64)
        arrays = predictions.collect("classification", np.eye(3)[every], Split(np.eye(9), every, every), "test", 1)
        predictions.write(run.predictions_dir / "test.npz", arrays)
    rows, page = await screen(services, "three")
    assert f"confusion  {split}, epoch" in rows
    counts = np.array(page.view.matrix.counts)
    assert counts.sum() == 1000
    reader = read(services, "three")
    assert (pictured(reader, monkeypatch) == counts).all()
    image = logged(reader, monkeypatch)[f"confusion_matrix/{split}"]
    wanted = (255 - 255 * (counts / counts.sum(axis=1, keepdims=True))).astype(np.uint8)
    assert image.shape == (48, 48)
    assert (image[8::16, 8::16] == wanted).all()
