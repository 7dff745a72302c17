"""The three screens as pictures: dark, light and in ASCII, from 80x24 to a wall display."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK, LIGHT, PLAIN
from tests.tui.scenario import FakeServices, drawn, lines, looked_inside, resized, shown, text

SIZES = ((80, 24), (120, 40), (200, 50))
THEMES = {"dark": Terminal(theme=DARK), "light": Terminal(theme=LIGHT)}
ASCII = Terminal(ascii=True, color=False, theme=PLAIN)
PAGES: dict[str, dict[str, Any]] = {"runs": {}, "new": {"new": True}, "run": {"run": "brisk-otter"}}


def looks(themes: Iterable[str]) -> list[Any]:
    """Pictures: one theme at each size; others, which change colors only, at the first, with `--longest` at each."""
    return [
        pytest.param(
            theme, size, id=f"{theme}-{size[0]}x{size[1]}", marks=[pytest.mark.longest] * (known and size != SIZES[0])
        )
        for known, theme in enumerate(themes)
        for size in SIZES
    ]


class SvgExtension(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "svg"


class TextExtension(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.mark.parametrize(("theme", "size"), looks(THEMES))
@pytest.mark.parametrize("page", PAGES)
async def test_picture(
    services: FakeServices, snapshot: SnapshotAssertion, page: str, theme: str, size: tuple[int, int]
) -> None:
    async with shown(services, size, THEMES[theme], **PAGES[page]) as (app, _):
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("page", PAGES)
async def test_ascii(services: FakeServices, snapshot: SnapshotAssertion, page: str, size: tuple[int, int]) -> None:
    async with shown(services, size, ASCII, **PAGES[page]) as (app, _):
        assert all(line.isascii() and len(line) == size[0] for line in lines(app))
        assert text(app) == snapshot(extension_class=TextExtension)


@pytest.mark.parametrize("key", ["2", "3", "4", "5", "6"])
@pytest.mark.parametrize("run", ["brisk-otter", "bold-wren", "lines-1"])
async def test_tab(services: FakeServices, snapshot: SnapshotAssertion, run: str, key: str) -> None:
    async with shown(services, run=run) as (app, pilot):
        await pilot.press(key)
        page: Any = app.screen
        await drawn(pilot, lambda: looked_inside(page))
        assert text(app) == snapshot(extension_class=TextExtension)


async def test_empty_home_invites(nothing: FakeServices, snapshot: SnapshotAssertion) -> None:
    async with shown(nothing) as (app, _):
        assert "No runs yet." in text(app)
        assert text(app) == snapshot(extension_class=TextExtension)


@pytest.mark.parametrize("page", PAGES)
async def test_too_small_shows_a_card(services: FakeServices, page: str) -> None:
    told = {"runs": "8 runs, 3 live", "new": "a new run", "run": "brisk-otter: running"}[page]
    async with shown(services, (1, 1), **PAGES[page]) as (app, pilot):
        for size in ((20, 3), (39, 10), (40, 9)):
            await resized(pilot, size)
        assert "dltui needs 40x10" in text(app)
        assert told in text(app)
        await resized(pilot, (40, 10))
        assert "dltui needs" not in text(app)


async def test_sizes_change_at_any_time(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (_, pilot):
        for size in ((200, 50), (81, 25), (1, 1), (300, 100), (80, 24)):
            await resized(pilot, size)


@pytest.mark.parametrize("page", PAGES)
async def test_a_switched_theme_looks_as_from_the_start(services: FakeServices, page: str) -> None:
    """To the last color: no row that was drawn before is left over."""
    async with shown(services, SIZES[0], THEMES["light"], **PAGES[page]) as (app, pilot):
        await drawn(pilot, lambda: True)
        light = app.export_screenshot()
    async with shown(services, SIZES[0], THEMES["dark"], **PAGES[page]) as (app, pilot):
        await drawn(pilot, lambda: True)
        assert app.export_screenshot() != light
        await pilot.press("ctrl+t")
        await drawn(pilot, lambda: True)
        assert app.export_screenshot() == light
