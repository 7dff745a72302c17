"""A form like a run whose model or data is not installed names what is missing, and takes nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.entries import Catalog
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.new_run import gone, outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.page import NewRunPage
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until

RUN: dict[str, Any] = {
    "model": "mynet-torch",
    "framework": "torch",
    "model_source": {"kind": "file", "name": "net.py", "path": "/no/such/net.py"},
    "dataset": "digits",
    "dataset_options": {"validation": 0.2},
    "config": {"lr": 0.05},
}
PETS = {**RUN, "model": "cnn-torch", "dataset": "pets", "dataset_source": {"name": "dltui-pets", "path": None}}


def like(run: dict[str, Any], **more: Any) -> RunForm:
    return RunForm.like(make_catalog(), run, "like x", **{"everything": True, **more})


def test_a_model_that_is_gone_is_named_until_another_is_chosen() -> None:
    form = like(RUN)
    assert form.first_problem() == (
        None, "mynet-torch is not installed here: net.py is not there; choose another model",
    )  # fmt: skip
    assert outcome.command(form)[:5] == ["dltui", "train", "mynet-torch", "--dataset", "digits"]
    form.choose_model("softmax")
    assert form.first_problem() == (None, "")
    assert outcome.request(form).dataset_options == {"validation": 0.2}


def test_data_that_is_gone_is_named_until_other_data_is_chosen() -> None:
    form = like(PETS)
    assert form.origin == "like x"
    said = "pets is not installed here (it came with dltui-pets); choose another dataset"
    assert form.first_problem() == (None, said)
    form.choose_model("softmax")
    assert form.first_problem() == (None, said), "another model does not bring other data"
    form.choose_dataset("digits")
    assert form.first_problem() == (None, "")
    assert outcome.request(form).dataset_options == {}, "the options are those of the data that is gone"


def test_of_the_last_run_only_what_is_there_is_taken() -> None:
    form = like(PETS, everything=False)
    assert form.first_problem() == (None, "")
    assert (form.dataset_name, form.typed) == ("fashion-mnist", {})


@pytest.mark.parametrize(
    ("problems", "distrust", "words"),
    [
        ([("net.py", "no module named x")], "", "net.py could not be loaded: no module named x"),
        ([], "it belongs to bob", "its file net.py is not imported: it belongs to bob"),
        ([], "", "net.py does not bring it"),
    ],
)
def test_why_it_is_gone(tmp_path: Path, problems: list[tuple[str, str]], distrust: str, words: str) -> None:
    file = tmp_path / "net.py"
    file.touch()
    (said,) = gone.reasons({**RUN, "model_source": {"path": str(file)}}, Catalog(
        datasets=make_catalog().datasets, problems=problems
    ), distrust).values()  # fmt: skip
    assert said.startswith("mynet-torch is not installed here")
    assert words in said


def rename_model(services: FakeServices, run: str, **fields: Any) -> None:
    directory = RunDirectory(services.root / run)
    directory.run_json.write_text(json.dumps({**directory.run(), **fields}))


async def again(app: Any, pilot: Any, key: str = "a") -> None:
    app.screen.state.selected = "bold-wren"
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, NewRunPage))


async def test_again_starts_nothing_else(services: FakeServices) -> None:
    rename_model(services, "bold-wren", model="mynet-torch", model_source=RUN["model_source"])
    async with shown(services) as (app, pilot):
        await again(app, pilot)
        await until(pilot, lambda: ready(app))
        assert "Again   like bold-wren" in lines(app)[0]
        await pilot.press("enter")
        assert "mynet-torch is not installed here" in text(app)
        page: Any = app.screen
        assert page.state.group == "model"
        assert not any("›" in line for line in lines(app)[1:5]), "no model of the list is chosen"
        await pilot.press("down")
        assert page.state.form.model_name == "linear-regression"
    assert services.started == []


async def test_a_fork_of_it_is_refused(services: FakeServices) -> None:
    rename_model(services, "bold-wren", model="mynet-torch", model_source={})
    async with shown(services) as (app, pilot):
        await again(app, pilot, "f")
        await until(pilot, lambda: "bold-wren cannot be forked: mynet-torch is not installed here" in text(app))


async def test_the_plugin_files_of_a_run_go_with_it(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.catalog, "of_run", lambda run: (make_catalog(), ("/home/user/net.py",)))
    async with shown(services) as (app, pilot):
        await again(app, pilot)
        await until(pilot, lambda: ready(app))
        page: Any = app.screen
        assert outcome.command(page.state.form)[-2:] == ["--plugin", "/home/user/net.py"]
        await pilot.press("enter")
        await until(pilot, lambda: bool(services.started))
    assert services.started[0].plugins == ("/home/user/net.py",)
