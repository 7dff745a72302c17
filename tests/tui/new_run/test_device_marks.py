"""Devices that are marked in the form train together."""

from __future__ import annotations

import pytest

from dltui.core.machine import cpu
from dltui.core.machine.devices import Device
from dltui.tui.new_run import outcome
from dltui.tui.new_run.devices import marks
from tests.tui.scenario import FakeServices, shown, text

FOUND = [Device("cuda:0", "A"), Device("cuda:1", "A"), Device("cuda:2", "A", problem="broken"), Device("cpu", "a CPU")]


def test_marks_are_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "cpu_count", lambda: 3)
    marked: dict[str, int] = {}
    words = []
    for name in ("cuda:1", "cuda:0", "cuda:2", "auto", "cuda:0", "cpu", "cpu", "cpu"):
        marked = marks.turned(marked, name, FOUND)
        words.append(marks.word(marked))
    assert words == ["", "cuda:0,cuda:1", "cuda:0,cuda:1", "cuda:0,cuda:1", "", "cpu:2", "cpu:3", ""]


def test_parts_of_gpus_are_not_marked() -> None:
    parts = [Device(f"cuda:{number}", "A MIG 1g.5gb", f"MIG-{number}") for number in range(2)]
    assert marks.turned({}, "cuda:0", [*parts, Device("cpu", "a CPU")]) == {}


def test_a_word_is_marks() -> None:
    assert marks.marks_of("cuda:1,cuda:0", FOUND) == {"cuda:1": 1, "cuda:0": 1}
    assert marks.marks_of("cpu:2", FOUND) == {"cpu": 2}
    assert marks.marks_of("cuda:all", FOUND) == {"cuda:0": 1, "cuda:1": 1}
    for word in ("cpu", "auto", "cuda:0,cuda:9", "x"):
        assert marks.marks_of(word, FOUND) == {}


async def test_space_marks_a_device(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(services, (100, 30)) as (app, pilot):
        await pilot.press("n")
        await pilot.pause()
        page = app.screen
        await pilot.press("tab", "down", "space", "down", "space")
        await pilot.pause()
        first, second = (device.name for device in page.state.loaded.devices[:2])
        assert page.state.form.device == f"{first},{second}"
        assert f"--device {first},{second}" in outcome.command_line(page.state.form)
        assert f"*{first}" in text(app)
        assert "2 GPUs train together" in text(app)
        await pilot.press("space")
        assert page.state.form.device == second
