"""A trained model is asked about single images, question after question."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltui.core.contract import Split
from dltui.core.errors import RunError
from dltui.core.lifecycle import model_process
from dltui.core.lifecycle.inside import one_image
from dltui.core.lifecycle.inside.one_image import OneImage
from tests.helpers.sample_run import make_sample_run

CLASSES = ("dark", "bright", "both\x1b[31m")


class Model:
    """Says how bright an image is."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def predict(self, split: str, rows: slice) -> Any:
        bright = self.x[rows].mean() / 255
        return np.array([[4 * (1 - bright), 4 * bright, 0.0]], np.float32)


def trained(task: str = "classification", images: bool = True) -> Any:
    spec = SimpleNamespace(task=task, is_image=images, classes=CLASSES)
    maps = lambda model, rows, outputs: np.ones((1, 2, 4, 4), np.float32)  # noqa: E731
    reading = {"height": 4, "width": 4, "channels": 1}
    return SimpleNamespace(spec=spec, reading=reading, trainable=Model, backend=SimpleNamespace(heat_maps=maps))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OneImage:
    run = make_sample_run(tmp_path, epochs=1)
    x = np.stack([np.full((4, 4, 1), value, np.uint8) for value in (0, 255)])
    test = Split(x, np.array([0, 0]), np.arange(2))
    monkeypatch.setattr(one_image, "test_split", lambda reader, asked: test)
    return OneImage(run, trained(), {})


def test_test_images_come_one_after_the_other(model: OneImage) -> None:
    first, second, third = (model.answer({"test": number}) for number in range(3))
    assert (first["best"][0][0], first["true"], first["name"]) == ("dark", ["dark"], "test image 1 of 2")
    assert second["best"][0][0] == "bright"
    assert third == first
    assert sum(chance for _, chance in first["best"]) == pytest.approx(1)
    assert base64.b64decode(second["image"]) == b"\xff" * 16
    assert "\x1b" not in json.dumps(first)


def test_a_file_and_its_heat_map(model: OneImage, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), "white").save(tmp_path / "own.png")
    told = model.answer({"file": str(tmp_path / "own.png"), "heat": True})
    assert told["best"][0][0] == "bright"
    assert "true" not in told
    assert told["heat_shape"] == [4, 4]
    (tmp_path / "text.png").write_text("no image")
    for name in ("text.png", "nowhere.png"):
        with pytest.raises(RunError, match=f"{name} cannot be read"):
            model.answer({"file": str(tmp_path / name)})


@pytest.mark.parametrize("task", [("regression", True), ("classification", False)])
def test_other_models_are_refused_in_one_line(tmp_path: Path, task: tuple[str, bool]) -> None:
    with pytest.raises(RunError, match="classes or labels of images"):
        OneImage(make_sample_run(tmp_path, epochs=1), trained(*task), {})


def test_a_process_answers_each_line_and_lives_on_after_a_wrong_question(
    model: OneImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [{"instead": {}}, {"test": 0}, {"file": "/nowhere.png"}, {"odd": 1}, {"test": 1}]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(one) + "\n" for one in questions)))
    monkeypatch.setattr(sys, "argv", ["", str(model._run.path)])
    monkeypatch.setattr("dltui.core.lifecycle.trained_model.load_trained_model", lambda run, instead: trained())
    told = io.StringIO()
    assert model_process._serve(told) == 0
    answers = [json.loads(line) for line in told.getvalue().splitlines()]
    assert [answer.get("best", [["-"]])[0][0] for answer in answers] == ["dark", "-", "-", "bright"]
    assert "cannot be read" in answers[1]["error"]
