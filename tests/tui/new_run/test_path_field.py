"""Your own data on New run: a path is typed, what lies there is shown, and the run trains on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.events import Paste

from dltui.core.contract import Preview
from dltui.core.errors import UsageError
from dltui.tui.new_run import outcome
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK, LIGHT
from tests.tui.scenario import FakeServices, shown, text, until
from tests.tui.test_screens import SvgExtension, looks

DOWN_TO_OWN = ("tab", "tab", *["down"] * 4)


KEYS = {"/": "slash", ".": "full_stop", ":": "colon", "-": "minus", "_": "underscore"}


async def type_path(pilot: Any, path: str) -> None:
    await pilot.press(*DOWN_TO_OWN, "enter")
    for letter in path:
        await pilot.press(KEYS.get(letter, letter))
    await pilot.press("enter")


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    folder.mkdir()
    return folder


async def test_a_typed_folder_is_shown_and_trained(services: FakeServices, pets: Path) -> None:
    async with shown(services, (120, 40), new=True) as (app, pilot):
        page: Any = app.screen
        await type_path(pilot, f"folder:{pets}")
        await until(pilot, lambda: "1,240 in 4 classes" in text(app))
        assert "otter" in text(app)
        assert page.state.form.dataset_name == f"folder:{pets}"
        assert f"--dataset folder:{pets}" in outcome.command_line(page.state.form)
        await pilot.press("enter")
        await until(pilot, lambda: bool(services.started))
    assert services.started[0].dataset == f"folder:{pets}"


async def test_how_far_the_data_are_prepared_is_said(services: FakeServices, pets: Path) -> None:
    services.progress = ["reading 1,240 images 37 %"]
    async with shown(services, new=True) as (app, pilot):
        await type_path(pilot, str(pets))
        await pilot.press("enter")
        await until(pilot, lambda: "reading 1,240 images 37 % ..." in text(app))
        assert not services.started
        services.go_on.set()
        await until(pilot, lambda: bool(services.started))


async def test_a_bare_path_will_do(services: FakeServices, pets: Path) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await type_path(pilot, str(pets))
        assert page.state.form.dataset_name == f"folder:{pets}"


@pytest.mark.parametrize(("typed", "words"), [("nonsense", "is not a path"), ("folder:/no/such", "is not there")])
async def test_what_is_wrong_with_a_path_is_said(services: FakeServices, typed: str, words: str) -> None:
    async with shown(services, new=True) as (app, pilot):
        await type_path(pilot, typed)
        await until(pilot, lambda: words in text(app))
        assert not services.started


async def test_without_a_path_nothing_starts(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN)
        assert "type the path of your data" in text(app)
        await pilot.press("enter")
        assert page.path_field.edit is not None
        await pilot.press("escape")
        assert page.path_field.edit is None
        assert app.screen is page
        assert not services.started


async def test_enter_anywhere_goes_to_the_path_that_is_missing(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN, "tab")
        assert page.state.group == "settings"
        await pilot.press("enter", "slash")
        assert page.state.group == "dataset"
        assert page.path_field.edit.text == "/"
        assert not services.started


async def test_letters_of_a_path_are_no_keys(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN, "slash", "q", "j", "k", "y", "question_mark")
        assert page.path_field.edit.text == "/qjky?"
        assert app.screen is page


async def test_options_of_the_data_are_settings(services: FakeServices, pets: Path) -> None:
    async with shown(services, (120, 40), new=True) as (app, pilot):
        page: Any = app.screen
        await type_path(pilot, f"folder:{pets}")
        labels = [setting.label for setting in page.state.form.settings()]
        assert "data size" in labels
        assert "data path" not in labels
        setting = next(setting for setting in page.state.form.settings() if setting.key == "data:size")
        page.state.form.put(setting, "32")
        assert "size=32" in outcome.command(page.state.form)


@pytest.mark.parametrize(("theme", "size"), looks([DARK, LIGHT]))
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int], theme: str) -> None:
    async with shown(services, size, Terminal(theme=theme), new=True) as (app, pilot):
        await type_path(pilot, "folder:/home/user/pets")
        await until(pilot, lambda: "1,240 in 4 classes" in text(app))
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_data_that_was_refused_is_looked_at_again(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview, problems = services.catalog.preview, ["/data/pets is not there"]

    def look(dataset: Any, options: Any) -> Preview:
        if problems:
            raise UsageError(problems.pop())
        return preview(dataset, options)

    monkeypatch.setattr(services.catalog, "preview", look)
    async with shown(services, (120, 40), new=True) as (app, pilot):
        await type_path(pilot, "folder:/data/pets")
        await until(pilot, lambda: "/data/pets is not there" in text(app))
        await pilot.press("equals_sign", "enter")
        await until(pilot, lambda: "1,240 in 4 classes" in text(app))


async def test_a_pasted_path_keeps_its_blanks(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN)
        app.post_message(Paste("/data/my  set\n"))
        await until(pilot, lambda: page.path_field.edit is not None)
        assert page.path_field.edit.text == "/data/my  set"
