"""A value that stands there is replaced by typing and edited by every other key."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dltui.tui.base.line_edit import LineEdit
from tests.tui.scenario import FakeServices, shown
from tests.tui.test_journeys import notice, sent


def typed(edit: LineEdit, keys: Sequence[str]) -> str:
    for key in keys:
        edit.key(key, key if len(key) == 1 else None)
    return edit.text


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["0", ".", "0", "2"], "0.02"),
        (["right", "5"], "0.15"),
        (["left", "5"], "0.51"),
        (["backspace", "2"], "0.2"),
        (["home", "3"], "30.1"),
        (["ctrl+u"], ""),
    ],
)
def test_typing_replaces_and_arrows_edit(keys: list[str], text: str) -> None:
    assert typed(LineEdit.over("0.1"), keys) == text


def test_a_paste_replaces_too() -> None:
    edit = LineEdit.over("0.1")
    edit.insert("0.02")
    assert edit.text == "0.02"


def test_what_a_person_began_goes_on() -> None:
    assert typed(LineEdit.of("/ho"), ["m", "e"]) == "/home"


async def test_a_learning_rate_is_doubled_and_halved(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("l", "up", "up", "down", "down", "down")
        assert "0.025" in notice(app)
        await pilot.press("enter")
        assert sent(services, "brisk-otter")[0]["arguments"] == {"lr": 0.025}
        await pilot.press("l", "x", "up")
        assert "0 < lr <= 10" in notice(app)
