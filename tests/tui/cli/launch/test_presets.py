"""Settings that are made once reach `dltui train` and the form, give way to flags, and are part of the record."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.core.lifecycle.forms.presets import Presets
from dltui.tui.cli import main
from dltui.tui.cli.launch import start
from dltui.tui.new_run import outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.setting import Setting
from tests.helpers.known_catalog import Fill
from tests.tui.sample_catalog import make_catalog

FAKE = Path(__file__).parents[3] / "fakes" / "fake_plugin.py"
Created = Callable[..., dict[str, object]]


@pytest.fixture
def created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Created:
    """Creates a run and returns its run.json; nothing trains."""
    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(start, "carry_out", lambda run, options, **more: 0)

    def create(*flags: str) -> dict[str, object]:
        arguments = ["train", "softmax-numpy", "--plugin", str(FAKE), *flags]
        monkeypatch.setattr("sys.argv", ["dltui", *arguments])
        assert main.run(arguments) == 0
        (record,) = (tmp_path / "home" / "runs").glob("*/run.json")
        run: dict[str, object] = json.loads(record.read_text())
        return run

    return create


def test_flags_win_and_the_rest_is_filled_in(created: Created, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dltui.toml").write_text(
        '[train]\ndataset = "blobs"\ndevice = "cpu"\nlr = 0.25\nepochs = 9\ndeterministic = true\nexports = "out"\n'
    )
    run = created("--epochs", "2")
    config = run["config"]
    assert isinstance(config, dict)
    assert (config["lr"], config["epochs"], config["deterministic"]) == (0.25, 2, True)
    assert run["dataset"] == "blobs"
    assert str(run["exports"]).startswith(str(Path("out").absolute()))
    settings = "dataset blobs, device cpu, lr 0.25, deterministic yes, exports out"
    assert capsys.readouterr().out == f"dltui.toml [train]: {settings}\n"
    # The record makes the same run where nothing is set.
    command = run["command"]
    assert isinstance(command, list)
    flags = ["--dataset", "blobs", "--device", "cpu", "--lr", "0.25", "--deterministic", "--exports", "out"]
    assert command[-len(flags) :] == flags


def test_a_flag_that_says_the_default_is_a_flag_too(created: Created, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_DEVICE", "cuda:7")
    monkeypatch.setenv("DLTUI_LR", "3")
    run = created("--dataset", "blobs", "--device", "auto", "--lr", "0.1")
    config = run["config"]
    assert isinstance(config, dict)
    assert config["lr"] == 0.1


def test_a_wrong_setting_leaves_no_run(created: Created, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dltui.toml").write_text("[train]\nlr = 11\n")
    assert main.run(["train", "softmax-numpy", "--plugin", str(FAKE)]) == 2
    line = "dltui: dltui.toml [train]: lr must be greater than 0 and at most 10, got 11\n"
    assert capsys.readouterr().err == line
    assert not (tmp_path / "home" / "runs").exists()


def form(table: dict[str, object]) -> RunForm:
    return RunForm.with_defaults(make_catalog(), Presets((("dltui.toml", table),), {"DLTUI_DEVICE": "cpu"}))


def row(form: RunForm, key: str) -> Setting:
    return next(row for row in form.settings() if row.key == key)


def test_the_form_begins_with_them() -> None:
    own = form({"lr": 0.123456789, "epochs": 3, "cnn": {"epochs": 4}, "exports": "out"})
    assert own.text(row(own, "model:lr")) == "0.123456789"
    words = "dltui train cnn-torch --dataset fashion-mnist --device cpu --epochs 4 --lr 0.123456789 --exports out"
    assert outcome.command_line(own) == words
    assert outcome.request(own).config == {"epochs": 4, "lr": 0.123456789}
    assert outcome.request(own).exports == "out"


def test_the_default_typed_over_a_setting_counts() -> None:
    own = form({"epochs": 3})
    epochs = row(own, "model:epochs")
    own.put(epochs, epochs.default)
    assert outcome.request(own).config == {"epochs": epochs.spec.default}
    assert f"--epochs {epochs.default}" in outcome.command_line(own)
    own.put(epochs, "3")
    assert own.typed == {}


def test_another_model_has_its_own() -> None:
    own = form({"cnn": {"epochs": 4}, "softmax": {"epochs": 6}})
    own.choose_model("softmax")
    assert outcome.request(own).config == {"epochs": 6}


def test_a_wrong_setting_keeps_the_run_from_starting() -> None:
    own = form({"softmax": {"epohcs": 6}})
    assert own.first_problem() == (None, "")
    own.choose_model("softmax")
    _, problem = own.first_problem()
    assert problem.startswith("dltui.toml [train.softmax]: softmax-torch has no setting 'epohcs'; did you mean epochs")


def test_a_run_is_repeated_as_it_was_whatever_is_set() -> None:
    catalog = make_catalog()
    fields = {spec.name: spec.default for spec in catalog.models["cnn-torch"].fields}
    run = {"model": "cnn-torch", "dataset": "fashion-mnist", "device": {"name": "cpu"}, "config": fields}
    own = RunForm.like(catalog, run, "like it", True, Presets((("dltui.toml", {"epochs": 3}),), {}))
    assert outcome.request(own).config["epochs"] == fields["epochs"]
