"""Clicks on the rows of New run: the first chooses, another one types the value or takes the next choice."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.tui.new_run import outcome
from tests.tui.scenario import FakeServices, lines, ready, shown, until


async def click(app: Any, pilot: Any, words: str, after: str = "", at: int = 0) -> None:
    """Click on the first line with these words, at `at` cells after their beginning, below the line with `after`."""
    found = lines(app)
    first = next(y for y, line in enumerate(found) if after in line)
    y = next(y for y, line in enumerate(found[first:], first) if words in line)
    await press(app, pilot, found[y].index(words) + at, y)


async def press(app: Any, pilot: Any, x: int, y: int) -> None:
    """Click at a place of the screen."""
    widget, region = app.screen.get_widget_at(x, y)
    await pilot.click(widget, offset=(x - region.x, y - region.y))
    await pilot.pause()


def chosen(app: Any) -> list[str]:
    """The rows with a cursor."""
    return [part.strip() for line in lines(app) for part in line.split("│") if part.startswith(" ›")]


async def test_a_click_chooses_the_row_and_its_part(services: FakeServices) -> None:
    async with shown(services, (120, 40), new=True) as (app, pilot):
        state = app.screen.state  # type: ignore[attr-defined]
        assert state.group == "model"
        await click(app, pilot, "cuda:1 ", "cuda:0")
        assert (state.group, state.form.device) == ("device", "cuda:1")
        await click(app, pilot, "digits", "DATASET")
        assert (state.group, state.form.dataset_name) == ("dataset", "digits")
        await click(app, pilot, "batch size", "SETTINGS")
        assert (state.group, state.setting.spec.name) == ("settings", "batch_size")
        await click(app, pilot, "softmax", "MODEL")
        assert (state.group, state.form.model_name) == ("model", "softmax")
        assert any(row.startswith("› softmax") for row in chosen(app))
        # Headings and empty rows choose nothing.
        before = lines(app)
        await click(app, pilot, "DATASET")
        await press(app, pilot, 2, 7)
        assert lines(app) == before


async def test_a_click_on_the_column_of_a_framework_takes_it(services: FakeServices) -> None:
    async with shown(services, (120, 40), new=True) as (app, pilot):
        form = app.screen.state.form  # type: ignore[attr-defined]
        header = next(line for line in lines(app) if "TensorFlow" in line)
        y = next(y for y, line in enumerate(lines(app)) if "softmax" in line)
        await press(app, pilot, header.index("TensorFlow") + 4, y)
        assert (form.model_name, form.framework) == ("softmax", "tensorflow")
        await press(app, pilot, header.index("PyTorch") + 3, y)
        assert (form.model_name, form.framework) == ("softmax", "torch")


async def test_another_click_types_a_value_or_takes_the_next_choice(services: FakeServices) -> None:
    async with shown(services, (120, 40), new=True) as (app, pilot):
        state = app.screen.state  # type: ignore[attr-defined]
        await click(app, pilot, "schedule", "SETTINGS")
        first = state.form.text(state.setting)
        await click(app, pilot, "schedule", "SETTINGS")
        assert state.form.text(state.setting) != first
        await click(app, pilot, "lr", "SETTINGS")
        assert state.edit is None
        await click(app, pilot, "lr", "SETTINGS")
        assert state.edit is not None
        await pilot.press(*"0.02")
        # Where it is typed a click does nothing; elsewhere it takes what was typed.
        await click(app, pilot, "lr", "SETTINGS")
        assert state.edit is not None
        await click(app, pilot, "epochs", "SETTINGS")
        assert state.edit is None
        assert "--lr 0.02" in outcome.command_line(state.form)
        assert services.started == []


async def test_another_click_marks_a_device_and_types_a_path(services: FakeServices) -> None:
    async with shown(services, (120, 40), new=True) as (app, pilot):
        page: Any = app.screen
        await click(app, pilot, "cuda:1 ", "cuda:0")
        await click(app, pilot, "cuda:1 ", "cuda:0")
        assert list(page.state.marked) == ["cuda:1"]
        await click(app, pilot, "your own", "DATASET")
        assert page.path_field.edit is None
        await click(app, pilot, "your own", "DATASET")
        assert page.path_field.edit is not None
        # What is typed is not lost by a click elsewhere.
        await click(app, pilot, "softmax", "MODEL")
        assert page.state.group == "dataset"


@pytest.mark.parametrize("size", [(40, 10), (60, 15)], ids=["40x10", "60x15"])
async def test_in_a_small_terminal_the_row_of_choices_opens_a_part(
    services: FakeServices, size: tuple[int, int]
) -> None:
    async with shown(services, size, new=True) as (app, pilot):
        state = app.screen.state  # type: ignore[attr-defined]
        await click(app, pilot, "settings")
        assert state.group == "settings"
        await click(app, pilot, "lr", "SETTINGS")
        assert state.setting.spec.name == "lr"
        await click(app, pilot, "auto")
        assert state.group == "device"
        await click(app, pilot, "cpu", "DEVICE")
        assert state.form.device == "cpu"


async def test_only_the_settings_of_a_fork_are_chosen(services: FakeServices) -> None:
    async with shown(services, (120, 40)) as (app, pilot):
        app.screen.state.selected = "bold-wren"  # type: ignore[attr-defined]
        await pilot.press("f")
        await until(pilot, lambda: app.screen.name_of_page == "New run" and ready(app))  # type: ignore[attr-defined]
        state = app.screen.state  # type: ignore[attr-defined]
        await click(app, pilot, "softmax", "MODEL")
        assert (state.group, state.form.model_name) == ("settings", "cnn")
        await click(app, pilot, "epochs", "SETTINGS")
        assert state.setting.spec.name == "epochs"
