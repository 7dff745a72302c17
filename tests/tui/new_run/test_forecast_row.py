"""The form says how long and how much memory where an earlier run tells, and is silent where none does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dltui.core.analysis.forecast import Earlier
from dltui.core.catalog.fields import FieldSpec
from dltui.core.contract import Preview
from dltui.core.machine.devices import Device
from dltui.tui.draw.styled_text import plain
from dltui.tui.new_run.forecast_row import Forecast
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.suited import values
from tests.tui.sample_catalog import DEVICES, make_catalog
from tests.tui.scenario import FakeServices, shown, text

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


BUILT: dict[str, Any] = {**vars(KNOWN), "parameters": 60_000, "outputs": 20_000}
"""Trained on the CPU, which tells the structure and not how long a GPU takes."""


def on_gpu(made: RunForm, free: int | None, built: dict[str, Any] = BUILT) -> str:
    made.device = "cuda:0"
    gpu = Device("cuda:0", "T4", "GPU-1", 16 * 10**9, free)
    return plain([Forecast((Earlier(**built),), [gpu]).row(made)])[0]


def test_a_gpu_is_told_an_estimate_from_the_structure() -> None:
    assert on_gpu(form(), 15 * 10**9) == " ~542 MB of 15 GB free, as bold-wren"
    assert on_gpu(form(model__batch_size="512"), 15 * 10**9).startswith(" ~583 MB of"), "another batch, same network"
    assert on_gpu(form(model__batch_size="512"), 560 * 10**6) == " ~583 MB, 560 MB free: may not fit, as bold-wren"


def test_what_is_not_known_of_a_gpu_is_not_said() -> None:
    assert on_gpu(form(), None) == ""
    assert on_gpu(form(model__batch_size="many"), 15 * 10**9) == ""
    assert on_gpu(form(model__channels="8,8"), 15 * 10**9, {**BUILT, "config": {"channels": [16, 32]}}) == ""
    assert on_gpu(form(), 15 * 10**9, {**BUILT, "outputs": 0}) == ""


async def test_on_the_form(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        assert "92 % busy" in text(app)
        assert "about 44 s" not in text(app)
        await pilot.press("tab", "down", "down", "down")
        assert app.screen.state.form.device == "cpu"
        assert "about 44 s, 432 MB of memory: fits" in text(app)


def timed_form(max_time: str) -> RunForm:
    made = form(model__max_time=max_time)
    entry = made.catalog.models["cnn-torch"]
    made.catalog.models["cnn-torch"] = replace(entry, fields=(*entry.fields, FieldSpec("max_time", "str", "")))
    return made


def test_a_run_for_a_time_takes_that_time_and_its_evaluations() -> None:
    """Whatever the number of epochs says: of 4.4 s an epoch 0.4 s are its evaluation."""
    timed = {**vars(KNOWN), "config": {**KNOWN.config, "max_time": "10m"}, "evaluation_seconds": 0.4}
    known = Earlier(**{**timed, "other_seconds": 5.0})
    assert said(timed_form("10m"), known).startswith(" about 11 min 05 s,")
    assert said(timed_form(""), known) == ""
    # An earlier version did not know it.
    assert said(timed_form("soon")).startswith(" 432 MB of memory")


def test_the_same_values_may_be_written_in_other_ways() -> None:
    assert said(form(model__batch_size="0256", data__validation=".1")) == said(form())


def test_a_trial_of_a_sweep_takes_so_long() -> None:
    assert said(form(model__lr="0.01..0.3:log")).startswith(" about 44 s a trial,")


def test_data_of_ones_own_is_known_by_its_path() -> None:
    options = {"path": "/data/pets", "size": 0, "validation": 0.1}
    known = Earlier(**{**vars(KNOWN), "dataset": "folder:pets", "options": options})
    made = form()
    made.choose_path("folder:/data/pets")
    assert said(made, known).startswith(" about 44 s,")
    made.choose_path("folder:/others/pets")
    assert said(made, known) == ""


def test_what_was_suited_to_the_data_is_what_the_run_had() -> None:
    options = {"path": "/data/pets", "size": 0, "validation": 0.1}
    small = {**vars(KNOWN), "dataset": "folder:pets", "options": options, "config": {"batch_size": 16}}
    made = form()
    made.choose_path("folder:/data/pets")
    made.devices = [Device("cpu", "CPU")]
    made.previews[values.data_key(made)] = Preview(train=20_000, image=(224, 224, 3))
    assert values.shown(made, next(row for row in made.settings() if row.key == "model:batch_size")) == "16"
    assert said(made, Earlier(**small)).startswith(" about 44 s,")


def test_the_memory_of_own_data_is_that_of_the_batch_that_suits_it() -> None:
    options = {"path": "/data/pets", "size": 0, "validation": 0.1}
    built = {**BUILT, "dataset": "folder:pets", "options": options, "config": {"batch_size": 64}}
    made = form()
    made.choose_path("folder:/data/pets")
    unsuited = on_gpu(made, 15 * 10**9, built)
    made.devices = [Device("cuda:0", "T4", "GPU-1", 16 * 10**9, 15 * 10**9)]
    made.previews[values.data_key(made)] = Preview(train=20_000, image=(224, 224, 3))
    assert " ~511 MB of 15 GB free" in on_gpu(made, 15 * 10**9, built)
    assert " ~542 MB of 15 GB free" in unsuited
