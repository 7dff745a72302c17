"""Runs beside one another on the screen: reached by marking, drawn at every size, and what cannot be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK, LIGHT
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.test_screens import ASCII, SIZES, SvgExtension, TextExtension, looks

RUNS = ("bold-wren", "shy-newt", "cold-yak")


async def compared(app: Any, pilot: Any, services: FakeServices, runs: tuple[str, ...] = RUNS) -> None:
    app.open_comparison([RunDirectory(services.root / name) for name in runs])
    await until(pilot, lambda: ready(app))


async def test_marked_runs_are_compared(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("c")
        assert "mark two runs or more with Space" in lines(app)[-2]
        await pilot.press("slash", *"model:cnn status:finished", "enter", "space", "escape")
        await pilot.press("slash", *"status:stopped", "enter", "space")
        assert "compare 2" in lines(app)[-1]
        await pilot.press("c")
        await until(pilot, lambda: ready(app) and "is best" in text(app))
        assert "bold-wren" in text(app)
        assert "shy-newt" in text(app)
        await pilot.press("tab")
        assert "validation loss" in text(app)
        await pilot.press("end")
        await pilot.press("escape")
        assert "2 marked" in text(app) or "compare 2" in lines(app)[-1]


@pytest.mark.parametrize(("theme", "size"), looks([DARK, LIGHT]))
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, theme: str, size: tuple[int, int]) -> None:
    async with shown(services, size, Terminal(theme=theme)) as (app, pilot):
        await compared(app, pilot, services)
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_ascii(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with shown(services, size, ASCII) as (app, pilot):
        await compared(app, pilot, services)
        assert all(line.isascii() and len(line) == size[0] for line in lines(app))
        assert text(app) == snapshot(extension_class=TextExtension)


@pytest.mark.parametrize("size", [(80, 24), (40, 10)])
async def test_runs_of_different_tasks_are_refused(services: FakeServices, size: tuple[int, int]) -> None:
    """As long as the page is there."""
    async with shown(services, size) as (app, pilot):
        app.open_comparison([RunDirectory(services.root / name) for name in ("bold-wren", "lines-1")])
        await until(pilot, lambda: "different tasks" in " ".join(text(app).split()))
        services.now += 3600
        app.screen.tick()  # type: ignore[attr-defined]
        await pilot.press("e", "tab", "down")
        assert "different tasks" in " ".join(text(app).split())
        assert "reading the runs" not in text(app)
        assert "samples" not in lines(app)[-1]
        await pilot.press("escape")
        assert app.screen.name_of_page == "Runs"  # type: ignore[attr-defined]


async def test_what_the_table_has_no_room_for_is_counted(services: FakeServices) -> None:
    """And going down in it counts the lines above instead."""
    async with shown(services) as (app, pilot):
        await compared(app, pilot, services, ("bold-wren", "shy-newt", "cold-yak", "wild-moth"))
        await until(pilot, lambda: "more lines: 1 ↓" in text(app))
        await pilot.press("end")
        assert "more lines: 1 ↑" in text(app)
        await pilot.press("up")
        assert "more lines: 1 ↓" in text(app)


async def test_e_works_again_after_it_could_not(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    from dltui.core.errors import UsageError
    from dltui.tui.pages import compare

    def refuse(run: RunDirectory) -> Path:
        raise UsageError("names no folder")

    monkeypatch.setattr(services.exporting, "comparison", lambda runs, folder: [])
    async with shown(services) as (app, pilot):
        await compared(app, pilot, services)
        with monkeypatch.context() as broken:
            broken.setattr(compare.place, "exports_folder", refuse)
            await pilot.press("e")
            await until(pilot, lambda: "names no folder" in text(app))
        await pilot.press("e")
        await until(pilot, lambda: "comparison.svg is drawn" in text(app))


async def test_e_draws_it_and_y_copies_where_it_is(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(
        services.exporting, "comparison", lambda runs, folder: drawn.append(([run.id for run in runs], folder)) or []
    )
    async with shown(services) as (app, pilot):
        await compared(app, pilot, services)
        await pilot.press("e")
        await until(pilot, lambda: "comparison.svg is drawn" in text(app))
        ((runs, folder),) = drawn
        assert runs == list(RUNS)
        assert folder.name == "comparison"
        await pilot.press("y")
        assert app.clipboard == f"scp -r user@gpu01:{folder} ."
        await pilot.press("e")
        await until(pilot, lambda: len(drawn) == 2 and "comparison.svg is drawn" in text(app))
        assert app.closing_lines == [app.clipboard]
