"""Devices that are marked in the form train together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dltui.core.lifecycle.forms.presets import Presets
from dltui.core.machine import cpu, devices
from dltui.core.machine.devices import Device
from dltui.tui.base.hosts.far_hosts import FarDevice
from dltui.tui.new_run import outcome
from dltui.tui.new_run.devices import marks
from dltui.tui.new_run.forecast_row import Forecast
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.load import Loaded
from dltui.tui.new_run.state import FormState
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, lines, shown, text, until

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


def loaded(word: str, found: list[Device], far: Sequence[Device] = ()) -> FormState:
    form = RunForm.with_defaults(make_catalog(), Presets((("dltui.toml", {"device": word}),), environment={}))
    form.devices = found
    state = FormState(again=False)
    state.load(Loaded(form, Forecast(), [*found, *far], {}))
    return state


@pytest.mark.parametrize(
    ("word", "name", "kept"),
    [
        ("cuda", "cuda:0", "cuda"),
        ("cuda:all", "cuda:0", "cuda:0,cuda:1"),
        ("CPU", "cpu", "cpu"),
        ("cpu:1", "cpu", "cpu:1"),
        ("auto", "auto", "auto"),
        ("Auto", "auto", "auto"),
    ],
)
def test_the_cursor_is_on_what_a_word_means_and_the_word_stays(word: str, name: str, kept: str) -> None:
    state = loaded(word, FOUND)
    assert state.form is not None
    assert (state.form.device, state.device_names()[state.device_at]) == (kept, name)
    assert state.form.first_problem() == (None, "")


@pytest.mark.parametrize(("word", "name"), [("cuda", "cuda:0"), ("cuda:all", "cuda:0"), ("far:cuda:0", "far:cuda:0")])
def test_a_word_means_no_device_of_another_host_that_it_does_not_name(word: str, name: str) -> None:
    far = FarDevice("far:cuda:0", "B", free_bytes=80 << 30)
    state = loaded(word, [Device("cuda:0", "A", free_bytes=1 << 30), Device("cpu", "a CPU")], [far])
    assert state.form is not None
    assert (state.form.device, state.device_names()[state.device_at], state.marked) == (word, name, {})
    state.choose("device", 3)
    assert state.mark()
    assert (state.form.device, state.marked) == ("far:cuda:0", {})


def test_a_word_for_no_device_is_said_until_another_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "hides_gpu", lambda: False)
    state = loaded("cuda", FOUND[-1:])
    assert state.form is not None
    assert "--device cuda" in outcome.command_line(state.form)
    assert 'no device "cuda"; this machine has cpu' in state.form.first_problem()[1]
    assert (state.group, state.chosen("device")) == ("model", -1)
    state.turn_part(1)
    assert not state.mark()
    state.move(1)
    assert state.form.device == "auto"
    assert state.form.first_problem() == (None, "")
    # A framework may find what no driver tells of.
    monkeypatch.setattr(devices, "hides_gpu", lambda: True)
    state = loaded("cuda", FOUND[-1:])
    assert state.form is not None
    assert (state.form.device, state.form.first_problem()) == ("cuda", (None, ""))


async def test_enter_goes_to_the_device_that_is_not_there(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "hides_gpu", lambda: False)
    monkeypatch.setattr(services.catalog, "presets", lambda: Presets(environment={"DLTUI_DEVICE": "cuda:7"}))
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("enter")
        assert 'no device "cuda:7"' in text(app)
        assert app.screen.state.group == "device"  # type: ignore[attr-defined]
        assert not any("›" in line and "would take" in line for line in lines(app)), "auto is not what is chosen"
        await pilot.press("down", "enter")
        await until(pilot, lambda: bool(services.started))
    assert services.started[0].device == "auto"
