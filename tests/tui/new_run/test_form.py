"""The form of a new run without a screen."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms.presets import Presets
from dltui.tui.new_run import outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.load import _prefer_here, _remembered, load
from dltui.tui.new_run.setting import Setting
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices


@pytest.fixture
def form() -> RunForm:
    return RunForm.with_defaults(make_catalog())


def setting(form: RunForm, key: str) -> Setting:
    return next(row for row in form.settings() if row.key == key)


def test_begins_with_the_favorites(form: RunForm) -> None:
    assert outcome.command(form) == ["dltui", "train", "cnn-torch", "--dataset", "fashion-mnist"]
    assert form.first_problem() == (None, "")


def test_a_framework_that_is_missing_is_not_the_default() -> None:
    form = RunForm.with_defaults(make_catalog(torch=False))
    assert form.framework == "torch"
    assert "not installed; pip install" in form.first_problem()[1]
    form.choose_model("softmax")
    form.choose_framework("tensorflow")
    assert form.first_problem()[1] == ""


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("model:lr", "-1", "lr must be greater than 0 and at most 10, got -1"),
        ("model:lr", "abc", "lr must be greater than 0 and at most 10, got 'abc'"),
        ("model:lr", "nan", "lr must be"),
        ("model:epochs", "0", "epochs must be a whole number from 1 to 10000, got 0"),
        ("model:epochs", "", "epochs must be"),
        ("model:channels", "0,4", "channels must be"),
        ("data:validation", "1.5", "validation must be"),
        ("run:name", "../x", "run name"),
        ("run:name", "-x", "run name"),
        ("run:format", "gif", "no format 'gif'; there is svg, png, pdf"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(form: RunForm, key: str, text: str, problem: str) -> None:
    form.put(setting(form, key), text)
    row, said = form.first_problem()
    assert row is not None
    assert row.key == key
    assert problem in said
    if not key.startswith("run:"):
        with pytest.raises(UsageError):
            outcome.request(form)


def test_values_become_flags_and_the_request(form: RunForm) -> None:
    for key, text in (
        ("model:lr", "0.05"),
        ("model:deterministic", "yes"),
        ("model:channels", "8,16"),
        ("data:validation", "0.2"),
        ("run:name", "my-run"),
        ("run:data_dir", "/data/my sets"),
        ("run:format", "svg,png"),
    ):
        form.put(setting(form, key), text)
    form.device = "cuda:1"
    assert outcome.command_line(form) == (
        "dltui train cnn-torch --dataset fashion-mnist --device cuda:1 --name my-run --lr 0.05 --deterministic "
        "--channels 8,16 --data validation=0.2 --data-dir '/data/my sets' --format svg,png"
    )
    request = outcome.request(form)
    assert request.config == {"lr": 0.05, "deterministic": True, "channels": [8, 16]}
    assert request.dataset_options == {"validation": 0.2}
    assert (request.name, request.data_dir, request.device) == ("my-run", "/data/my sets", "cuda:1")
    assert request.formats == ("svg", "png")


def test_the_default_typed_again_is_the_default(form: RunForm) -> None:
    row = setting(form, "model:lr")
    form.put(row, "0.5")
    form.put(row, " 0.1 ")
    assert form.typed == {}


def test_choices_turn(form: RunForm) -> None:
    row = setting(form, "model:schedule")
    assert form.turn(row, 1)
    assert form.text(row) == "constant"
    assert form.turn(row, -1)
    assert form.text(row) == "one-cycle"
    assert not form.turn(setting(form, "model:lr"), 1)


def test_the_dataset_follows_the_task(form: RunForm) -> None:
    form.choose_model("linear-regression")
    assert form.dataset_name == "lines"
    assert {row.key for row in form.settings()} >= {"data:w"}
    form.choose_model("cnn")
    assert form.dataset_name == "fashion-mnist"


def test_data_without_images_is_not_offered_to_a_model_that_needs_them() -> None:
    catalog = make_catalog()
    catalog.models = {
        name: replace(entry, needs_images=entry.name == "cnn", also=("regression",))
        for name, entry in catalog.models.items()
    }
    catalog.datasets["lines"] = replace(catalog.datasets["lines"], input_shape=(1,))
    form = RunForm.with_defaults(catalog)
    _prefer_here(form, {"lines": "embedded", "digits": "embedded"})
    assert form.dataset_name == "digits"
    assert "lines" not in form.dataset_names()
    form.choose_model("softmax")
    assert "lines" in form.dataset_names()


def test_a_row_without_this_framework_moves_to_one_that_has_it(form: RunForm) -> None:
    form.choose_model("softmax")
    form.choose_framework("tensorflow")
    form.choose_model("cnn")
    assert form.framework == "torch"


def test_again_takes_everything_over() -> None:
    asked = {
        "model": "softmax-tensorflow",
        "dataset": "digits",
        "device": {"name": "cpu"},
        "config": {"epochs": 10, "lr": 0.05, "batch_size": 128, "gone": 1},
        "dataset_options": {"validation": 0.2},
        "data_dir": None,
    }
    form = RunForm.like(make_catalog(), asked, "like bold-wren", everything=True)
    assert outcome.command_line(form) == (
        "dltui train softmax-tensorflow --dataset digits --device cpu --lr 0.05 --batch-size 128 --data validation=0.2"
    )
    assert form.origin == "like bold-wren"


def test_a_model_that_is_gone_leaves_the_defaults() -> None:
    form = RunForm.like(make_catalog(), {"model": "mine-torch"}, "as last time", everything=False)
    assert (form.model_name, form.origin) == ("cnn", "defaults")


@pytest.mark.parametrize(("text", "flag"), [("on", "--deterministic"), ("true", "--deterministic"), ("0", "")])
def test_the_command_says_what_the_request_does(form: RunForm, text: str, flag: str) -> None:
    form.put(setting(form, "model:lr"), "0.0123456789")
    form.put(setting(form, "model:deterministic"), text)
    request = outcome.request(form)
    assert request.config == {"lr": 0.0123456789, "deterministic": bool(flag)}
    assert request.command[5:] == ("--lr", "0.0123456789", flag or "--no-deterministic")


def test_a_form_like_a_run_has_its_values_to_the_last_digit() -> None:
    run = {"model": "cnn-torch", "dataset": "fashion-mnist", "config": {"lr": 0.0123456789, "momentum": 1 / 3}}
    command = outcome.command(RunForm.like(make_catalog(), run, "like x", everything=True))
    assert command[5:] == ["--lr", "0.0123456789", "--momentum", "0.3333333333333333"]


def test_the_options_of_a_dataset_come_along_with_it() -> None:
    asked = {
        "model": "cnn-torch",
        "dataset": "folder:pets",
        "dataset_plugin": "folder",
        "dataset_options": {"path": "/data/pets", "size": 32, "validation": 0.1},
        "config": {"epochs": 3},
    }
    form = RunForm.like(make_catalog(), asked, "model and dataset as last time", everything=False)
    assert outcome.command(form) == [
        "dltui",
        "train",
        "cnn-torch",
        "--dataset",
        "folder:/data/pets",
        "--data",
        "size=32",
    ]


def test_data_of_ones_own_has_the_options_of_its_last_run(form: RunForm) -> None:
    def run(**options: Any) -> SimpleNamespace:
        asked = {"model": "cnn-torch", "dataset": "folder:pets", "dataset_plugin": "folder", "dataset_options": options}
        return SimpleNamespace(run=lambda: asked)

    newest, older = run(path="/data/pets", size=32, validation=0.1), run(path="/data/pets", size=64)
    services: Any = SimpleNamespace(runs=SimpleNamespace(all=lambda: [newest, older]))
    form.remembered = _remembered(services, form.catalog)
    form.choose_path("folder:/data/others")
    assert "--data" not in outcome.command(form)
    form.choose_path("folder:/data/pets")
    assert outcome.command(form)[-2:] == ["--data", "size=32"]
    # What is typed stays when the path is corrected.
    form.put(setting(form, "data:size"), "96")
    form.choose_path("folder:/data/pets")
    assert outcome.command(form)[-2:] == ["--data", "size=96"]


def test_recalled_options_stay_with_their_data(form: RunForm) -> None:
    form.remembered = {("folder", "/data/pets"): {"size": 32, "color": "gray"}, ("folder", "/data/cars"): {"size": 64}}
    form.choose_path("folder:/data/pets")
    form.choose_path("folder:/data/cars")
    assert outcome.command(form)[-2:] == ["--data", "size=64"]
    form.choose_path("folder:/data/others")
    assert "--data" not in outcome.command(form)
    form.choose_path("folder:/data/pets")
    form.choose_dataset("fashion-mnist")
    assert not form.typed
    form.choose_dataset("folder:/data/pets")
    # What was changed since stays, like what is typed.
    form.put(setting(form, "data:size"), "96")
    form.choose_path("folder:/data/cars")
    assert outcome.command(form)[-2:] == ["--data", "size=96"]


def test_options_of_the_last_run_stay_with_their_data() -> None:
    options = {"path": "/data/pets", "size": 32}
    asked = {"model": "cnn-torch", "dataset": "folder:pets", "dataset_plugin": "folder", "dataset_options": options}
    form = RunForm.like(make_catalog(), asked, "model and dataset as last time", everything=False)
    form.choose_path("folder:/data/others")
    assert "--data" not in outcome.command(form)


def test_a_size_that_was_the_models_is_not_remembered(form: RunForm) -> None:
    catalog = make_catalog()
    catalog.models["cnn-torch"] = replace(catalog.models["cnn-torch"], image_size=224)
    asked = {"model": "cnn-torch", "dataset_plugin": "folder", "dataset_options": {"path": "/p", "size": 224}}
    services: Any = SimpleNamespace(runs=SimpleNamespace(all=lambda: [SimpleNamespace(run=lambda: asked)]))
    assert _remembered(services, catalog) == {("folder", "/p"): {}}


def test_options_of_the_last_run_stay_with_a_dataset_of_the_catalog() -> None:
    asked = {
        "model": "cnn-torch", "dataset": "fashion-mnist", "dataset_options": {"validation": 0.5}, "data_dir": "/data",
    }  # fmt: skip
    form = RunForm.like(make_catalog(), asked, "model and dataset as last time", everything=False)
    before = outcome.command(form)
    assert before[-4:] == ["--data", "validation=0.5", "--data-dir", "/data"]
    form.choose_dataset("digits")
    assert outcome.command(form) == ["dltui", "train", "cnn-torch", "--dataset", "digits"]
    form.choose_dataset("fashion-mnist")
    assert outcome.command(form) == before


@pytest.mark.parametrize("text", ["/lab/review.csv", "color,/lab/review.csv"])
def test_a_review_stays_with_its_dataset(text: str) -> None:
    catalog = make_catalog()
    drop = FieldSpec("drop", "str", "", "what is left out")
    catalog.datasets = {name: replace(entry, fields=(*entry.fields, drop)) for name, entry in catalog.datasets.items()}
    form = RunForm.with_defaults(catalog)
    form.put(setting(form, "data:drop"), text)
    form.choose_dataset("fashion-mnist")
    assert form.values("data") == {"drop": text}
    form.choose_dataset("digits")
    assert form.values("data") == {}
    # Also where another model brings other data, and on the way back.
    form.choose_dataset("fashion-mnist")
    form.choose_model("linear-regression")
    assert (form.dataset_name, form.values("data")) == ("lines", {})
    form.choose_path("folder:/data/pets")
    form.choose_dataset("fashion-mnist")
    assert form.values("data") == {"drop": text}
    # Columns alone are options like others.
    form.put(setting(form, "data:drop"), "color")
    form.choose_dataset("digits")
    assert form.values("data") == {"drop": "color"}


def presets(**train: str) -> Presets:
    return Presets((("dltui.toml", train),), environment={})


def test_the_dataset_of_the_presets_may_be_data_of_ones_own() -> None:
    form = RunForm.with_defaults(make_catalog(), presets(dataset="folder:/data/pets"))
    assert outcome.request(form).dataset == form.dataset_names()[-1] == "folder:/data/pets"
    run = {"model": "softmax-torch", "dataset": "digits", "dataset_options": {"validation": 0.5}}
    form = RunForm.like(make_catalog(), run, "as last time", False, presets(dataset="folder:/data/pets"))
    assert outcome.command(form) == ["dltui", "train", "softmax-torch", "--dataset", "folder:/data/pets"]


def test_a_dataset_of_the_presets_that_does_not_exist_is_not_replaced() -> None:
    form = RunForm.with_defaults(make_catalog(), presets(dataset="digit"))
    assert 'no dataset "digit"; did you mean digits?' in form.first_problem()[1]
    form.choose_dataset("digits")
    assert form.first_problem() == (None, "")


def test_the_dataset_of_the_presets_is_taken_where_it_has_to_be_downloaded(
    nothing: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = {"fashion-mnist": "here", "digits": "31 MB download"}
    monkeypatch.setattr(nothing.catalog, "presence", lambda dataset: present.get(dataset.name, ""))
    monkeypatch.setattr(nothing.catalog, "presets", lambda: presets(dataset="digits"))
    assert load(nothing, None).form.dataset_name == "digits"


def again(distrust: str = "", **more: Any) -> list[str]:
    run = {"model": "cnn-torch", "dataset": "digits", "cwd": "/home/user/lab", **more}
    form = RunForm.like(make_catalog(), run, "like x", True, presets(format="png"), distrust)
    return outcome.command(form)[5:]


def test_again_takes_the_formats_and_the_folder_of_the_figures() -> None:
    assert again(formats=["pdf", "png"], exports="/out/x") == ["--exports", "/out", "--format", "pdf,png"]
    assert again(formats=["svg"], exports="/home/user/lab/exports/x") == ["--format", "svg"]
    assert again("another's", formats=["pdf"], exports="/out/x") == ["--format", "pdf"], "no folder of another user"


def test_again_takes_the_formats_of_a_trial_that_draws_figures() -> None:
    trial = {"name": "lab", "trial": 3}
    assert again(formats=["none"], sweep=trial, exports="/out/x") == ["--exports", "/out", "--format", "png"]
    assert again(formats=["pdf"], sweep=trial) == ["--format", "pdf"]
    assert again(formats=["none"]) == ["--format", "none"]


def test_again_says_what_it_has_no_rows_for() -> None:
    run = {"model": "cnn-torch", "dataset": "digits", "share": "group", "loggers": [{"name": "wandb"}]}
    assert RunForm.like(make_catalog(), run, "like x", True).origin == "like x, without --share, --log"
    assert RunForm.like(make_catalog(), run, "as last time", False).origin == "as last time"
