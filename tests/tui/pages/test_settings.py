"""The settings page: what is chosen holds at once and is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.errors import UsageError
from dltui.tui.app import make_app
from dltui.tui.base.services import Services
from dltui.tui.base.services.this_host import SettingsFile
from dltui.tui.terminal.capabilities import SCREEN_LOG, Terminal, chosen
from dltui.tui.terminal.settings import ScreenSettings, load_screen, save_screen
from dltui.tui.terminal.theme_colors import DARK, LIGHT, PLAIN
from tests.tui.scenario import FakeServices, lines, shown, text, until
from tests.tui.test_screens import ASCII, THEMES, SvgExtension, TextExtension, looks


@pytest.mark.parametrize(("theme", "size"), looks(THEMES))
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, theme: str, size: tuple[int, int]) -> None:
    async with shown(services, size, THEMES[theme]) as (app, pilot):
        await pilot.press("S")
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_ascii(services: FakeServices, snapshot: SnapshotAssertion) -> None:
    async with shown(services, (80, 24), ASCII) as (app, pilot):
        await pilot.press("S")
        assert all(line.isascii() and len(line) == 80 for line in lines(app))
        assert text(app) == snapshot(extension_class=TextExtension)


async def test_a_choice_holds_at_once_and_is_remembered(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("S", "right", "right")
        assert app.theme == LIGHT
        await pilot.press("down", "right")
        assert app.palette.style("good").color.name == "#0072b2"  # type: ignore[union-attr]
        await pilot.press("down", "left")
        assert text(app).isascii()
        await pilot.press("escape")
        assert text(app).isascii()
        await until(pilot, lambda: services.saved == ScreenSettings("light", "color-blind", "ascii"))
        await pilot.press("S", "backspace")
        assert app.theme == DARK
    async with shown(services) as (app, _):
        assert text(app).isascii()


async def test_a_file_that_cannot_be_written_is_said_and_the_setting_holds(services: FakeServices) -> None:
    def refuse(settings: ScreenSettings) -> None:
        raise UsageError("cannot write /x/config.toml: permission denied; the setting holds until you leave")

    services.settings.save = refuse  # type: ignore[method-assign]
    async with shown(services) as (app, pilot):
        await pilot.press("S", "right", "right", "right")
        await until(pilot, lambda: "cannot write /x/config.toml" in text(app))
        assert app.theme == PLAIN


def test_no_color_and_the_terminal_go_before_what_holds_for_all() -> None:
    wanted = ScreenSettings(theme="light", letters="ascii")
    assert chosen(Terminal(color=False, theme=PLAIN), wanted) == Terminal(True, False, PLAIN)
    assert chosen(Terminal(ascii=True), ScreenSettings()) == Terminal(ascii=True)


async def test_the_first_start_says_where_the_keys_are(nothing: FakeServices) -> None:
    app = make_app(nothing, Terminal())
    app.first_time = True
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "first time here? ? shows every key" in text(app))


def test_the_log_of_a_screen_tells_that_there_was_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    assert Services().viewer.first_time()
    (tmp_path / SCREEN_LOG).touch()
    assert not Services().viewer.first_time()


async def test_the_last_choice_is_the_one_that_is_saved(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each choice is saved by a thread of its own; the first of them may be the slowest."""
    saved: list[ScreenSettings] = []
    begun: list[ScreenSettings] = []

    def save(settings: ScreenSettings) -> None:
        begun.append(settings)
        if len(begun) == 1:
            services.go_on.wait(10)
        saved.append(settings)

    monkeypatch.setattr(services.settings, "save", save)
    async with shown(services) as (app, pilot):
        await pilot.press("S", "right")
        await until(pilot, lambda: bool(begun))
        await pilot.press("right", "right")
        services.go_on.set()
        await until(pilot, lambda: len(saved) == 3)
        assert saved[-1] == app.settings
        assert app.settings.theme == "16"


async def test_a_choice_that_is_not_saved_is_said_after_leaving_the_page(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: ScreenSettings) -> None:
        services.go_on.wait(10)
        raise UsageError("cannot write /x/config.toml: permission denied")

    monkeypatch.setattr(services.settings, "save", refuse)
    async with shown(services) as (app, pilot):
        await pilot.press("S", "right", "escape")
        services.go_on.set()
        await until(pilot, lambda: "cannot write /x/config.toml" in text(app))


def test_only_what_this_screen_has_changed_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CONFIG", str(tmp_path / "own" / "config.toml"))
    save_screen(ScreenSettings(mouse="off"))
    file = SettingsFile()
    opened = file.load()
    save_screen(ScreenSettings(mouse="off", theme="nord"))
    file.save(opened._replace(tick="2"))
    assert load_screen() == ScreenSettings(mouse="off", theme="nord", tick="2")
    # What the file has from elsewhere stays, what is put back to its default here goes.
    file.save(opened._replace(mouse="auto"))
    assert load_screen() == ScreenSettings(theme="nord")
