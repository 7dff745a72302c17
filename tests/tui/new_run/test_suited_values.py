"""New run shows the values that the user's own data gives what is left open; what is typed stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dltui.core.catalog.fields import FieldSpec
from dltui.core.contract import Preview
from dltui.tui.draw.styled_text import plain
from dltui.tui.new_run import outcome, settings_table
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.presets.filling import saved
from dltui.tui.new_run.setting import Setting
from dltui.tui.new_run.suited import values as suited_values
from dltui.tui.new_run.suited.values import LATER
from tests.tui.new_run.test_path_field import type_path
from tests.tui.sample_catalog import DEVICES, make_catalog
from tests.tui.scenario import FakeServices, shown, text, until

KINDS = ("none", "flip", "crop", "flip+crop")
PHOTOS = Preview(train=20_000, image=(224, 224, 3))
COMMAND = ["dltui", "train", "cnn-torch", "--dataset", "folder:/data/pets"]


@pytest.fixture
def form() -> RunForm:
    catalog = make_catalog()
    augment = FieldSpec("augment", "choice", "none", "random changes", choices=KINDS, choice_values=KINDS)
    optimizer = FieldSpec("optimizer", "str", "sgd", "the optimizer")
    model = catalog.models["cnn-torch"]
    catalog.models["cnn-torch"] = replace(model, fields=(*model.fields, augment, optimizer))
    made = RunForm.with_defaults(catalog)
    made.devices = DEVICES
    made.device = "cpu"
    made.choose_path("folder:/data/pets")
    return made


def row(form: RunForm, name: str) -> Setting:
    return next(row for row in form.settings() if row.key == f"model:{name}")


def values(form: RunForm) -> dict[str, str]:
    return {key.removeprefix("model:"): found.text for key, found in suited_values.of(form).items()}


def see(form: RunForm, found: Preview = PHOTOS) -> None:
    form.previews[suited_values.data_key(form)] = found


def test_what_is_not_known_yet_is_no_number(form: RunForm) -> None:
    assert values(form) == {"batch_size": LATER, "lr": LATER, "augment": LATER}
    assert suited_values.shown(form, row(form, "batch_size")) == "256"


def test_the_values_are_those_of_the_data_and_the_device(form: RunForm) -> None:
    see(form)
    assert values(form) == {"batch_size": "16", "lr": "0.00625", "augment": "flip+crop"}
    reason = suited_values.of(form)["model:batch_size"].reason
    assert reason == "by the data: images of 224x224 pixels need much memory (on a GPU 64)"
    form.device = "cuda:0"
    assert values(form)["batch_size"] == "64"
    form.device = "gpu01:cuda:0"
    assert values(form)["batch_size"] == LATER


def test_they_are_not_given(form: RunForm) -> None:
    see(form)
    assert outcome.command(form)[: len(COMMAND)] == COMMAND
    assert outcome.command(form)[len(COMMAND) :] == ["--device", "cpu"]
    assert outcome.request(form).config == {}
    assert saved(form).values == {}


@pytest.mark.parametrize("typed", ["32", "16", "256"])
def test_what_is_typed_stays(form: RunForm, typed: str) -> None:
    """The default, too, which the data would change."""
    see(form)
    form.put(row(form, "batch_size"), typed)
    assert "batch_size" not in values(form)
    assert outcome.request(form).config == {"batch_size": int(typed)}
    assert outcome.command(form)[-2:] == ["--batch-size", typed]


def test_choices_turn_from_the_value_that_is_shown(form: RunForm) -> None:
    see(form)
    augment = row(form, "augment")
    form.turn(augment, 1, suited_values.shown(form, augment))
    assert outcome.request(form).config == {"augment": "none"}
    assert "augment" not in values(form)
    form.turn(augment, -1, suited_values.shown(form, augment))
    assert outcome.request(form).config == {"augment": "flip+crop"}


def test_other_options_are_other_data(form: RunForm) -> None:
    see(form)
    form.put(next(row for row in form.settings() if row.key == "data:size"), "32")
    assert values(form)["batch_size"] == LATER
    see(form, Preview(train=20_000, image=(32, 32, 3)))
    assert values(form) == {}


def test_other_datasets_change_nothing(form: RunForm) -> None:
    form.choose_dataset("fashion-mnist")
    assert values(form) == {}
    form.put(row(form, "batch_size"), "256")
    assert form.typed == {}


def test_defaults_of_the_model_that_are_switched_off_are_shown_as_the_run_has_them(form: RunForm) -> None:
    model = form.catalog.models["cnn-torch"]
    form.catalog.models["cnn-torch"] = replace(model, fields=(*model.fields, FieldSpec("nesterov", "bool", True)))
    form.choose_dataset("fashion-mnist")
    nesterov, optimizer = row(form, "nesterov"), row(form, "optimizer")
    assert suited_values.shown(form, nesterov) == "yes"
    form.put(optimizer, "adamw")
    assert values(form) == {"nesterov": "no"}
    assert outcome.request(form).config == {"optimizer": "adamw"}
    form.put(optimizer, "sgd")
    assert values(form) == {}


def test_a_fork_has_the_values_of_its_parent(form: RunForm) -> None:
    see(form)
    parent: Any = type("Parent", (), {"id": "bold-wren"})()
    form.fork_of(parent, "epoch 3")
    assert values(form) == {}


def test_a_form_like_a_run_has_its_values_though_they_are_the_defaults(form: RunForm) -> None:
    run = {
        "model": "cnn-torch",
        "dataset": "folder:pets",
        "dataset_plugin": "folder",
        "dataset_options": {"path": "/data/pets"},
        "config": {"batch_size": 256, "augment": "none", "epochs": 10},
    }
    again = RunForm.like(form.catalog, run, "like x", everything=True)
    assert outcome.request(again).config == {"batch_size": 256, "augment": "none"}


def test_the_size_of_the_images_is_the_one_that_the_model_is_asked_for(form: RunForm) -> None:
    model = form.catalog.models["cnn-torch"]
    side = FieldSpec("image_size", "int", 0, "side", minimum=0)
    form.catalog.models["cnn-torch"] = replace(model, image_size=224, fields=(*model.fields, side))
    assert outcome.request(form).dataset_options["size"] == 224
    form.put(row(form, "image_size"), "128")
    assert outcome.request(form).dataset_options["size"] == 128


@pytest.mark.parametrize(("width", "told"), [(80, "samples"), (140, "by the data: images of 224x224 pixels")])
def test_the_row_says_why(form: RunForm, width: int, told: str) -> None:
    see(form)
    drawn = plain(settings_table.settings(form, 0, None, width, 12, False))
    found = next(line for line in drawn if line.startswith("   batch size"))
    assert found.split()[2:4] == ["16", "256"]
    assert told in found


def _state(app: Any) -> Any:
    return app.screen.state


async def test_on_the_page(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await type_path(pilot, "folder:/home/user/pets")
        await until(pilot, lambda: "1,240 in 4 classes" in text(app))
        await pilot.press("tab", "down", "down")
        state = _state(app)
        assert state.setting.key == "model:batch_size"
        assert "by the data: 13 steps in an epoch of 893 images" in text(app)
        await pilot.press("equals_sign")
        assert state.edit.text == "64"
        await pilot.press("enter")
        assert "--batch-size 64" in text(app)
        await pilot.press("backspace")
        assert "--batch-size" not in text(app)


async def test_another_size_is_looked_at_when_it_is_typed(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await type_path(pilot, "folder:/home/user/pets")
        await until(pilot, lambda: "1,240 in 4 classes" in text(app))
        await pilot.press("tab")
        state = _state(app)
        form = state.form
        state.show(next(row for row in form.settings() if row.key == "data:size"))
        await pilot.press("3", "2", "enter")
        await until(pilot, lambda: values(form) == {"batch_size": "64"})
        assert len(form.previews) == 2
