"""Two runs sample by sample on the screen: reached from Compare, drawn at two sizes, and what cannot be paired."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.analysis.paired import Pair
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.hosts.elsewhere import Elsewhere, Followed
from dltui.tui.draw.styled_text import plain
from dltui.tui.pages import paired_rows
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.test_screens import ASCII, SvgExtension, TextExtension

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def services(tmp_path: Any, services: FakeServices) -> FakeServices:
    """The same home, in which a copy of a finished run has other samples right."""
    root = tmp_path / "pair"
    shutil.copytree(services.root / "bold-wren", root / "bold-wren")
    shutil.copytree(services.root / "bold-wren", root / "calm-owl")
    for name, rows in (("bold-wren", slice(0, 600)), ("calm-owl", slice(500, 900))):
        path = root / name / "predictions" / "test.npz"
        with np.load(path) as found:
            arrays = {key: found[key] for key in found.files}
        arrays["top"][rows, 0] = arrays["labels"][rows]
        keep = arrays["top"][arrays["wrong"], 0] != arrays["labels"][arrays["wrong"]]
        np.savez(path, **{**arrays, "wrong": arrays["wrong"][keep], "thumbnails": arrays["thumbnails"][keep]})
    services.root = root
    return services


async def paired(app: Any, pilot: Any, services: FakeServices) -> None:
    app.open_comparison([RunDirectory(services.root / name) for name in ("bold-wren", "calm-owl")])
    await until(pilot, lambda: ready(app))
    await pilot.press("s")
    await until(pilot, lambda: "McNemar" in text(app))


async def test_both_sides_and_back(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await paired(app, pilot, services)
        first = lines(app)[6]
        await pilot.press("down")
        assert "›" in lines(app)[6]
        await pilot.press("tab")
        assert "right in calm-owl only" in lines(app)[3]
        assert lines(app)[6] != first
        await pilot.press("end", "escape")
        assert app.screen.name_of_page == "Compare"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with shown(services, size, Terminal(theme=DARK)) as (app, pilot):
        await paired(app, pilot, services)
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_ascii(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with shown(services, size, ASCII) as (app, pilot):
        await paired(app, pilot, services)
        assert all(line.isascii() and len(line) == size[0] for line in lines(app))
        assert text(app) == snapshot(extension_class=TextExtension)


def test_the_counts_of_runs_with_wide_names_have_whole_words() -> None:
    found = Pair(("金毛寻回犬", "猫"), (), 3, 2, (), (), ((), ()))
    rows = plain(paired_rows.counts(found, 100))
    assert any(row.startswith("only 金毛寻回犬 right ") for row in rows)


async def test_three_runs_and_other_data_are_a_line(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        shutil.copytree(services.root / "calm-owl", services.root / "third")
        app.open_comparison([RunDirectory(services.root / name) for name in ("bold-wren", "calm-owl", "third")])
        await until(pilot, lambda: ready(app))
        await pilot.press("s")
        assert "two runs can be compared sample by sample" in text(app)
        await pilot.press("escape")
        (services.root / "calm-owl" / "predictions" / "test.npz").unlink()
        app.open_comparison([RunDirectory(services.root / name) for name in ("bold-wren", "calm-owl")])
        await until(pilot, lambda: ready(app))
        await pilot.press("s")
        await until(pilot, lambda: "calm-owl has no test result yet" in text(app))
        services.now += 3600
        await pilot.press("down", "tab")
        app.screen.tick()  # type: ignore[attr-defined]
        await pilot.pause()
        assert "calm-owl has no test result yet" in text(app)
        assert "reading the predictions" not in text(app)
        assert "choose" not in lines(app)[-1]


async def test_predictions_of_other_hosts_are_brought_first(services: FakeServices) -> None:
    done: list[str] = []

    class Far(Followed):
        def bring_predictions(self) -> None:
            done.append("brought")

        def stop(self) -> None:
            done.append("left")

    class There(Elsewhere):
        def follow(self, run: RunDirectory) -> Followed:
            return Far()

    async with shown(services) as (app, pilot):
        services.elsewhere = There()
        await paired(app, pilot, services)
    assert done[:4] == ["brought", "brought", "left", "left"]
