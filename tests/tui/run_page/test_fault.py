"""A run that failed says why, in full, at every width, and which key helps; a traceback keeps its shape."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.tui.draw.printed import pieces, printed
from dltui.tui.run_page import watched_run
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.test_screens import SvgExtension

REASON = (
    "fashion-mnist is not on this machine and cannot be downloaded from fashion-mnist.s3-website.eu-central-1.amazonaws"
    ".com (no answer in 10 s) or storage.googleapis.com (name cannot be resolved); point --data-dir at a folder with "
    "its files, or train on the embedded digits: --dataset digits"
)
FOLDER = "/home/user/.local/share/envs/pytorch/lib/python3.11/site-packages"
TRACEBACK = f"""torch 2.14.1 on cpu, 2 threads
Traceback (most recent call last):
  File "{FOLDER}/dltui/core/worker/attempt.py", line 86, in train
    ending = loop.run()
             ^^^^^^^^^^
  File "{FOLDER}/dltui/plugins/torch/trainable.py", line 214, in advance
    output = self.module(batch.to(self.device, memory_format=self.layout, non_blocking=True)).float()
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/user/lab/plugins/narrow_network.py", line 31, in forward
    return self.head(x.flatten(1))
           ^^^^^^^^^^^^^^^^^^^^^^^
RuntimeError: mat1 and mat2 shapes cannot be multiplied (256x1568 and 784x10)
"""
SHAPES = (
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (256x1568 and 784x10) (narrow_network.py line 31); "
    "the network must take images of 28x28x1"
)
SIZES = [(80, 24), (120, 40)]
AT = ["80x24", "120x40"]


def unwrapped(app: Any) -> str:
    """All that is on the screen, as one line."""
    return " ".join(text(app).split())


@pytest.mark.parametrize("size", [*SIZES, (200, 50)])
async def test_reason_and_advice_are_whole(services: FakeServices, size: tuple[int, int]) -> None:
    make_sample_run(services.root, run_id="still-magpie", status="failed", done=0, reason=REASON)
    async with shown(services, size, run="still-magpie") as (app, _):
        assert REASON.replace("; ", " ") in unwrapped(app)
        assert "begins with the first step" not in text(app)


async def test_after_some_epochs_the_reason_stands_above_the_curves(services: FakeServices) -> None:
    make_sample_run(services.root, run_id="still-magpie", status="failed", done=2, reason=REASON)
    async with shown(services, run="still-magpie") as (app, pilot):
        assert REASON.replace("; ", " ") in unwrapped(app)
        assert "loss" in text(app)
        await pilot.press("6")
        assert REASON in unwrapped(app)
        assert "e exports" not in text(app)


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_that_is_deleted_while_its_page_is_open_says_so(
    services: FakeServices, size: tuple[int, int]
) -> None:
    run = make_sample_run(services.root, run_id="still-magpie", status="finished")
    async with shown(services, size, run="still-magpie") as (app, pilot):
        assert "DELETED" not in text(app)
        shutil.rmtree(run.path)
        await until(pilot, lambda: "DELETED" in lines(app)[0])
        assert "read-only" not in text(app)
        assert "still-magpie" in lines(app)[0]


async def test_a_run_on_a_disk_that_does_not_answer_is_not_deleted(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(path: Path) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    async with shown(services, run="bold-wren") as (app, _):
        monkeypatch.setattr(watched_run, "os", SimpleNamespace(stat=stale))
        app.screen.tick()  # type: ignore[attr-defined]
        assert "FINISHED" in lines(app)[0]
        assert "DELETED" not in lines(app)[0]


async def test_another_dataset_is_one_key_away(services: FakeServices) -> None:
    make_sample_run(
        services.root, run_id="still-magpie", status="failed", done=0, reason=REASON, remedy={"dataset": "digits"}
    )
    async with shown(services, run="still-magpie") as (app, pilot):
        # A log that was begun has an attempt, but no checkpoint that a fork could go on from.
        assert "t try dataset digits" in lines(app)[-1]
        await pilot.press("t")
        await until(pilot, lambda: ready(app) and "like still-magpie" in text(app))
        assert "--dataset digits" in text(app)


async def test_y_copies_the_whole_story(services: FakeServices) -> None:
    make_sample_run(services.root, run_id="stuck", status="failed", done=0, reason=SHAPES, remedy={}, output=TRACEBACK)
    async with shown(services, run="stuck") as (app, pilot):
        copied: list[str] = []
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign,assignment]
        await pilot.press("y")
        assert copied[0].startswith("$ dltui train cnn-torch")
        assert f"failed: {SHAPES}" in copied[0]
        assert "\n    return self.head(x.flatten(1))\n" in copied[0]


async def test_the_list_tells_the_whole_reason(services: FakeServices, tmp_path: Path) -> None:
    make_sample_run(tmp_path / "alone", run_id="a-magpie", status="failed", done=0, reason=REASON)
    services.runs.folder = lambda: tmp_path / "alone"  # type: ignore[method-assign]
    async with shown(services) as (app, _):
        assert REASON in unwrapped(app)
        assert "export" not in text(app)


async def test_a_refused_form_says_all_and_shows_the_setting(services: FakeServices) -> None:
    services.refuses = f"images have several sizes, {'/a/long/path' * 8}/2.jpg 90x120; say --format png"
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "say --format png" in text(app))
        await pilot.pause()
        assert services.refuses.replace(" ", "") in text(app).replace("\n", "").replace(" ", "")
        assert next(line for line in lines(app) if "› format" in line)
        await pilot.press("up")
        await pilot.pause()
        assert "several sizes" not in text(app)


@pytest.mark.parametrize("size", SIZES, ids=AT)
async def test_error_page(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    make_sample_run(services.root, run_id="stuck", status="failed", done=0, reason=SHAPES, remedy={}, output=TRACEBACK)
    async with shown(services, size, run="stuck") as (app, _):
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_error_page_with_a_remedy(services: FakeServices, snapshot: SnapshotAssertion) -> None:
    make_sample_run(
        services.root, run_id="still-magpie", status="failed", done=0, reason=REASON, remedy={"dataset": "digits"}
    )
    async with shown(services, run="still-magpie") as (app, _):
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("size", SIZES, ids=AT)
async def test_log_with_a_traceback(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    make_sample_run(services.root, run_id="stuck", status="failed", done=0, reason=SHAPES, remedy={}, output=TRACEBACK)
    async with shown(services, size, run="stuck") as (app, pilot):
        await pilot.press("6", "o")
        await until(pilot, lambda: "RuntimeError" in text(app))
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("room", [20, 40, 79, 80, 200])
def test_a_traceback_keeps_its_shape(room: int) -> None:
    rows = printed(TRACEBACK.splitlines(), room)
    assert all(len(row) <= room for row in rows)
    joined = " ".join(" ".join(rows).split())
    assert "line 31, in forward" in joined
    assert any(row.startswith("    return") for row in rows)
    assert "".join(TRACEBACK.splitlines()[-1].split()) in "".join(joined.split())


def test_colors_of_a_library_are_left_out() -> None:
    assert printed(["\x1b[1mInput 0 is \x1b[38;5;9mwrong\x1b[0m", "\x1b[1m"], 60) == ["Input 0 is wrong", ""]
    assert printed(["a\x1b]0;b\x1b[2J"], 60) == [r"a\x1b]0;b\x1b[2J"]


def test_a_ruler_stands_below_whole_lines_only() -> None:
    assert printed(["    f(x)", "    ^^^^"], 40) == ["    f(x)", "    ^^^^"]
    assert printed(["    f(" + "x " * 40 + ")", "    ^^^^"], 40)[-1].strip() != "^^^^"


@pytest.mark.parametrize("words", ["", "a", "one two three", "x" * 50, "漢字" * 30, "a " * 60 + "b" * 30])
def test_pieces_lose_nothing(words: str) -> None:
    found = pieces(words, 20, 2)
    assert "".join("".join(found).split()) == "".join(words.split())
