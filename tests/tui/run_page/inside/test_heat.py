"""The heat maps over the images of mistakes: made when they are asked for, then turned by the key."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.errors import RunError
from tests.helpers.looked import look
from tests.tui.scenario import FakeServices, drawn, looked_inside, shown, text
from tests.tui.test_screens import ASCII, SvgExtension, TextExtension


async def opened(pilot: Any, app: Any) -> Any:
    await pilot.press("3")
    await drawn(pilot, lambda: looked_inside(app.screen))
    return app.screen


async def test_the_key_makes_them_once_then_turns_them(services: FakeServices, snapshot: SnapshotAssertion) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app)
        mistake = page.tabs.mistakes.cursor.current(page.view.mistakes)
        said, true = page.view.mistakes.name(mistake.said), page.view.mistakes.name(mistake.true)
        await pilot.press("h")
        await drawn(pilot, lambda: f"for {said}" in text(app))
        assert services.looked == ["bold-wren"]
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)
        await pilot.press("h")
        await drawn(pilot, lambda: f"for {true}" in text(app))
        await pilot.press("h")
        await drawn(pilot, lambda: f"id {mistake.id}" in text(app))
        await pilot.press("h", "down")
        await drawn(pilot, lambda: "  for " in text(app))
        assert services.looked == ["bold-wren"]
        await pilot.press("end")
        await drawn(pilot, lambda: page.tabs.mistakes.cursor.place > 200 or "  for " in text(app))


async def test_letters_show_them_by_their_brightness(services: FakeServices, snapshot: SnapshotAssertion) -> None:
    from dltui.core.rundir.directory import RunDirectory

    look(RunDirectory(services.root / "bold-wren"))
    async with shown(services, terminal=ASCII, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app)
        await drawn(pilot, lambda: page.view.heat_maps is not None)
        await pilot.press("h")
        await drawn(pilot, lambda: "  for " in text(app))
        assert services.looked == []
        assert text(app) == snapshot(extension_class=TextExtension)


@pytest.mark.parametrize(
    ("run", "read_only", "says"),
    [("brisk-otter", False, "the run must end first"), ("bold-wren", True, "read-only")],
)
async def test_where_there_are_none(services: FakeServices, run: str, read_only: bool, says: str) -> None:
    services.viewer.read_only = read_only
    async with shown(services, run=run) as (app, pilot):
        await opened(pilot, app)
        await pilot.press("h")
        await drawn(pilot, lambda: says in text(app))
        assert services.looked == []


async def test_a_network_without_convolutions_and_a_failure_are_a_line(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(run: Any) -> list[str]:
        raise RunError("its data has changed")

    async with shown(services, run="bold-wren") as (app, pilot):
        await opened(pilot, app)
        monkeypatch.setattr(
            services.exporting, "look_inside", lambda run: ["no heat maps of mlp-torch: no convolutions"]
        )
        await pilot.press("h")
        await drawn(pilot, lambda: "no heat maps of mlp-torch" in text(app))
        monkeypatch.setattr(services.exporting, "look_inside", fails)
        await pilot.press("h")
        await drawn(pilot, lambda: "its data has changed" in text(app))
