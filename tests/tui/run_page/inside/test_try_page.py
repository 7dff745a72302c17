"""A trained model is tried on an image: of the test split, or of the user's."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion
from textual.events import Paste

from dltui.core.errors import RunError
from dltui.tui.draw.styled_text import Look, cells, plain
from dltui.tui.run_page.inside.try_page import Tried, tried_rows
from tests.helpers.marks import few
from tests.tui.scenario import FakeServices, drawn, lines, shown, text, until
from tests.tui.test_screens import SvgExtension, TextExtension
from tests.tui.test_small import at_each_size

BEST = [["Shirt", 0.62], ["T-shirt/top", 0.25], ["Pullover", 0.08], ["Coat", 0.03], ["Dress\x1b[31m", 0.01]]


class FakeConversation:
    """Says the same of every image."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.closed = False
        self.refuses = ""

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(question)
        if self.refuses:
            raise RunError(self.refuses)
        image = (np.indices((28, 28)).sum(0) * 4.5).astype(np.uint8)
        told: dict[str, Any] = {"name": question.get("file", ""), "shape": [28, 28, 1], "best": BEST}
        told["image"] = base64.b64encode(image.tobytes()).decode()
        if "test" in question:
            number = question["test"] % 10
            told |= {"test": number, "images": 10, "true": ["T-shirt/top"], "name": f"test image {number + 1} of 10"}
        if question["heat"]:
            heat = np.linspace(0, 1, 49).astype(np.float16)
            told |= {"heat": base64.b64encode(heat.tobytes()).decode(), "heat_shape": [7, 7]}
        return told

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def model(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> FakeConversation:
    found = FakeConversation()
    monkeypatch.setattr(services.trying, "open", lambda run: found)
    return found


async def test_test_images_an_image_of_the_users_and_heat(
    services: FakeServices, model: FakeConversation, tmp_path: Path
) -> None:
    (tmp_path / "own.png").write_bytes(b"")
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: "test image 1 of 10" in text(app))
        assert "predicted   wrong" in text(app)
        assert "\x1b" not in text(app)
        await pilot.press("n")
        await until(pilot, lambda: "test image 2 of 10" in text(app))
        await pilot.press("N", "N")
        await until(pilot, lambda: "test image 10 of 10" in text(app))
        assert "h heat map" in text(app)
        await pilot.press("h")
        await until(pilot, lambda: "bright: what speaks for Shirt" in text(app))
        assert "h hide map" in text(app)
        await pilot.press("i", *str(tmp_path / "ow"), "tab", "enter")
        await until(pilot, lambda: model.asked[-1] == {"file": str(tmp_path / "own.png"), "heat": True})
        await drawn(pilot, lambda: "own.png" in text(app))
        assert "wrong" not in text(app)
        await pilot.press("escape")
        await until(pilot, lambda: model.closed)


async def test_in_a_small_terminal(
    services: FakeServices, model: FakeConversation, snapshot: SnapshotAssertion
) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: "test image 1 of 10" in text(app))
        assert await at_each_size(app, pilot) == snapshot(extension_class=TextExtension)


@pytest.mark.long
async def test_a_path_that_is_not_there_is_told_where_it_is_typed(
    services: FakeServices, model: FakeConversation
) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: "test image 1" in text(app))
        await pilot.press("enter", *"/no/such.png", "enter")
        assert "no such file" in lines(app)[-2]
        assert len(model.asked) == 1


async def test_a_path_that_cannot_even_be_looked_for_is_no_file(
    services: FakeServices, model: FakeConversation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: "test image 1" in text(app))
        await pilot.press("enter")
        app.screen.post_message(Paste("x" * 300))
        await until(pilot, lambda: "no such file" in text(app))
        await pilot.press("escape")
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        await pilot.press("enter", *"cat.png", "enter")
        assert "the working directory is gone" in text(app)
        assert len(model.asked) == 1


async def test_what_the_model_cannot_do_is_one_line(services: FakeServices, model: FakeConversation) -> None:
    model.refuses = "this can be tried on models that tell classes or labels of images; dltui predict has others"
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: "this can be tried on models" in text(app))


@pytest.mark.long
async def test_it_needs_a_checkpoint_and_the_right_to_write(services: FakeServices) -> None:
    async with shown(services, run="dull-crab") as (app, pilot):
        await pilot.press("i")
        assert "nothing to try yet" in lines(app)[-2]
    services.viewer.read_only = True
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        assert "read-only" in lines(app)[-2]


async def test_a_network_without_heat_maps_is_tried_on_without_them(
    services: FakeServices, model: FakeConversation
) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: "test image 1 of 10" in text(app))
        model.refuses = "no heat map: this network has no convolution"
        await pilot.press("h")
        await until(pilot, lambda: "this network has no convolution" in text(app))
        model.refuses = ""
        await pilot.press("n")
        await until(pilot, lambda: "test image 2 of 10" in text(app))
        assert not model.asked[-1]["heat"]


@pytest.mark.parametrize("size", few([(80, 24), (120, 40), (200, 50)], 1), ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(
    services: FakeServices, model: FakeConversation, snapshot: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with shown(services, size, run="bold-wren") as (app, pilot):
        await pilot.press("i")
        await drawn(pilot, lambda: "test image 1" in text(app))
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


def test_an_answer_that_makes_no_sense_is_one_line() -> None:
    good = FakeConversation().ask({"test": 0, "heat": True})
    for wrong in ({"shape": [9, 9]}, {"best": 3}, {"image": "?"}, {"heat_shape": [10**9]}, {"name": None, "true": 4}):
        with pytest.raises(RunError, match="cannot be read"):
            Tried.of(good | wrong)


@pytest.mark.parametrize("look", [Look(), Look(ascii=True, mono=True)])
@pytest.mark.parametrize("size", [(80, 20), (200, 46), (80, 6)])
def test_rows_fill_their_room(size: tuple[int, int], look: Look) -> None:
    found = tried_rows(Tried.of(FakeConversation().ask({"test": 0, "heat": True})), *size, look)
    assert {cells(row) for row in found} == {size[0]}


def test_long_names_go_on_in_the_next_line() -> None:
    name = "a golden retriever of the old kind, seen from behind"
    image, heat = np.zeros((28, 28, 1), np.uint8), np.ones((7, 7), np.float16)
    found = Tried("own.png", image, ((name, 0.9), ("cat", 0.1)), (f"a dog like {name}",), heat)
    for width in (80, 120):
        rows = plain(tried_rows(found, width, 30, Look()))
        told = " ".join(" ".join(row[34:].strip(" ▀") for row in rows).split())
        assert f"bright: what speaks for {name}" in told, width
        assert f"true: a dog like {name}, less likely" in told, width
        assert {len(row) for row in rows} == {width}


def test_answers_in_wide_letters_are_told_whole() -> None:
    image = np.zeros((28, 28, 1), np.uint8)
    found = Tried("own.png", image, (("金毛寻回犬", 0.9), ("猫", float("nan"))))
    rows = plain(tried_rows(found, 80, 24, Look()))
    assert any("金毛寻回犬 ━" in row and " 90 %" in row for row in rows)
    assert any("猫         ─" in row and "NaN" in row for row in rows)
