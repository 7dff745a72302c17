"""What is set once for all trainings: which place wins, for which model it counts, and what is refused in one line."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.entries import Catalog
from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms import presets
from dltui.core.lifecycle.forms.presets import NONE, load_presets
from tests.tui.sample_catalog import make_catalog


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and beside it a home whose config.toml is the user's settings."""
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def catalog() -> Catalog:
    """cnn has the hyperparameter channels, the others do not."""
    found = make_catalog()
    for name, entry in found.models.items():
        if entry.name != "cnn":
            found.models[name] = replace(entry, fields=tuple(f for f in entry.fields if f.name != "channels"))
    twin = replace(found.models["cnn-torch"], id="cnn-tensorflow", framework="tensorflow")
    found.models[twin.id] = twin
    return found


def project(text: str) -> None:
    Path("dltui.toml").write_text(text)


def user(place: Path, text: str) -> None:
    (place / "home" / "config.toml").write_text(text)


def found(catalog: Catalog, model: str = "cnn-torch") -> dict[str, tuple[Any, str]]:
    values = load_presets().of(catalog.models[model], catalog)
    return {name: (preset.value, preset.origin) for name, preset in values.items()}


def test_without_anything_set_there_is_nothing(catalog: Catalog) -> None:
    assert found(catalog) == {}


def test_environment_then_project_then_user(place: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    user(place, '[train]\ndevice = "cuda:1"\nlr = 0.3\nepochs = 7\n[train.cnn-torch]\nepochs = 9\nseed = 3\n')
    config = str(place / "home" / "config.toml")
    assert found(catalog)["lr"] == (0.3, f"{config} [train]")
    project("[train]\nlr = 0.2\nepochs = 5\n")
    assert found(catalog)["lr"] == (0.2, "dltui.toml [train]")
    monkeypatch.setenv("DLTUI_LR", "0.1")
    assert found(catalog) == {
        "device": ("cuda:1", f"{config} [train]"),
        "lr": (0.1, "DLTUI_LR"),
        "epochs": (5, "dltui.toml [train]"),
        "seed": (3, f"{config} [train.cnn-torch]"),
    }


def test_within_a_file_the_more_exact_table_wins(catalog: Catalog) -> None:
    project("[train]\nlr = 0.1\nepochs = 1\nseed = 1\n[train.cnn]\nlr = 0.2\nepochs = 2\n[train.cnn-torch]\nlr = 0.3\n")
    assert {name: value for name, (value, _) in found(catalog).items()} == {"lr": 0.3, "epochs": 2, "seed": 1}
    assert found(catalog, "cnn-tensorflow")["lr"][0] == 0.2
    assert found(catalog, "softmax-torch")["lr"][0] == 0.1


def test_what_is_meant_for_other_models_is_passed_over(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    project('[train]\nchannels = [8, 16]\ndataset = "lines"\n[train.nobody]\nanything = 1\n')
    assert found(catalog)["channels"][0] == [8, 16]
    assert "dataset" not in found(catalog)
    assert found(catalog, "linear-regression-torch") == {"dataset": ("lines", "dltui.toml [train]")}
    monkeypatch.setenv("DLTUI_DATASET", "lines")
    assert "dataset" not in found(catalog)


def test_values_have_their_own_types_and_texts_are_read(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    project('[train.cnn-torch]\nlr = 1\ndeterministic = true\nbatch-size = 64\nformat = ["svg", "png"]\n')
    monkeypatch.setenv("DLTUI_CHANNELS", "4,8")
    values = {name: value for name, (value, _) in found(catalog).items()}
    assert values == {"lr": 1.0, "deterministic": True, "batch_size": 64, "format": "svg,png", "channels": [4, 8]}
    assert isinstance(values["lr"], float)


def test_variables_that_mean_something_else_are_no_settings(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_DATA", "/somewhere")
    monkeypatch.setenv("DLTUI_LR", "")
    assert found(catalog) == {}


def test_every_variable_with_a_meaning_of_its_own_is_known() -> None:
    code = "".join(path.read_text() for path in (Path(presets.__file__).parents[3]).rglob("*.py"))
    examples = {"DLTUI_NAME", "DLTUI_DEVICE", "DLTUI_BATCH_SIZE", "DLTUI_LR"}
    assert set(re.findall(r"\bDLTUI_[A-Z_]*[A-Z]\b", code)) - examples - {presets.TOLD} == set(presets.RESERVED)


def test_a_command_that_a_run_starts_at_its_end_trains_another_in_its_own_place(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_EXPORTS", "/figures/first")
    assert found(catalog) == {"exports": ("/figures/first", "DLTUI_EXPORTS")}
    monkeypatch.setenv("DLTUI_RUN", "first")
    assert found(catalog) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[train]\nlr = -1\n", "dltui.toml [train]: lr must be greater than 0 and at most 10, got -1"),
        ('[train.cnn-torch]\nepochs = "ten"\n', "dltui.toml [train.cnn-torch]: epochs must be a whole number from 1"),
        ("[train]\nepohcs = 3\n", "dltui.toml [train]: no model has a setting 'epohcs'; did you mean epochs"),
        ("[train.cnn]\nlayers = 3\n", "dltui.toml [train.cnn]: cnn-torch has no setting 'layers'"),
        ("[train]\ndevice = 3\n", "dltui.toml [train]: device must be a text, got 3"),
        ("train = 3\n", "dltui.toml: train must be a table"),
        ("[train\n", "dltui.toml is not valid TOML"),
        ('[train]\n"\\u001b[2J" = 3\n', "no model has a setting"),
        ("[train]\nlr = nan\n", "lr must be greater than 0"),
        ("[train]\nlr = 1979-05-27\n", "lr must be greater than 0"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_and_range(catalog: Catalog, text: str, line: str) -> None:
    project(text)
    with pytest.raises(UsageError) as caught:
        found(catalog)
    assert line in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_wrong_variable_is_named(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_BATCH_SIZE", "0")
    with pytest.raises(UsageError, match=r"^DLTUI_BATCH_SIZE: batch_size must be a whole number from 1 to 65536"):
        found(catalog)


@pytest.mark.parametrize("table", ["[frameworks.torch]\npython = '/evil'\n", "plugins = ['evil.py']\n"])
def test_no_code_is_named_by_a_working_directory(place: Path, catalog: Catalog, table: str) -> None:
    project(table)
    with pytest.raises(UsageError, match=r"is not read from a working directory.*home/config\.toml"):
        found(catalog)


@pytest.mark.parametrize("kind", ["folder", "pipe", "large"])
def test_something_else_of_that_name_is_not_read(catalog: Catalog, kind: str) -> None:
    if kind == "folder":
        Path("dltui.toml").mkdir()
    elif kind == "pipe":
        os.mkfifo("dltui.toml")
    else:
        project("#" * (1 << 21))
    with pytest.raises(UsageError, match=r"^dltui\.toml here is not a file of settings"):
        found(catalog)


def test_a_process_can_be_told_to_leave_all_of_it_out(
    place: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    user(place, "[train]\nlr = 0.3\n")
    project("[train\n")
    monkeypatch.setenv("DLTUI_EPOCHS", "7")
    for name, value in NONE.items():
        monkeypatch.setenv(name, value)
    assert found(catalog) == {}
