"""The form says how long and how much memory where an earlier run tells, and is silent where none does."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.devices import Device
from dltui.core.forecast import Earlier
from dltui.tui.forecast import Forecast
from dltui.tui.form import RunForm
from dltui.tui.ink import plain
from tests.tui.scenario import DEVICES, FakeServices, make_catalog, shown, text

KNOWN = Earlier(
    "bold-wren", "cnn-torch", "fashion-mnist", "cpu", {"batch_size": 256}, {"validation": 0.1}, 4.4, 412 << 20
)


def said(form: RunForm, earlier: Earlier = KNOWN, free: int = 20 * 10**9) -> str:
    return plain([Forecast((earlier,), [Device("cpu", "CPU", None, 32 * 10**9, free)]).row(form)])[0]


def form(**typed: str) -> RunForm:
    made = RunForm.with_defaults(make_catalog())
    made.model_name, made.framework, made.dataset_name = "cnn", "torch", "fashion-mnist"
    made.typed = {key.replace("__", ":"): value for key, value in typed.items()}
    return made


def test_time_and_memory_of_the_same_kind_of_run() -> None:
    assert said(form()) == " about 44 s, 432 MB of memory: fits, as bold-wren"
    assert said(form(model__epochs="20", model__lr="0.3")).startswith(" about 1 min 28 s,")


def test_too_much_for_the_machine() -> None:
    assert "432 MB, but 100 MB are free" in said(form(), free=10**8)


@pytest.mark.parametrize(
    "other",
    [{"model__batch_size": "512"}, {"data__validation": "0.5"}, {"model__channels": "8,8"}],
)
def test_another_kind_of_run_tells_nothing(other: dict[str, str]) -> None:
    known = Earlier(**{**vars(KNOWN), "config": {"batch_size": 256, "channels": [16, 32]}})
    assert said(form(), known)
    assert said(form(**other), known) == ""


def test_epochs_that_are_wrong_take_no_time() -> None:
    assert said(form(model__epochs="many")) == " 432 MB of memory: fits, as bold-wren"


def test_a_gpu_says_nothing_of_memory() -> None:
    known: dict[str, Any] = {**vars(KNOWN), "device": "cuda:1"}
    row = Forecast((Earlier(**known),), DEVICES).row(form())
    assert plain([row])[0] == " about 44 s, as bold-wren"
    assert Forecast((KNOWN,), DEVICES).row(form()) == []


async def test_on_the_form(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        assert "92 % busy" in text(app)
        assert "about 44 s" not in text(app)
        await pilot.press("tab", "down", "down", "down")
        assert app.screen.form.device == "cpu"
        assert "about 44 s, 432 MB of memory: fits" in text(app)
