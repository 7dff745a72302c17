"""Filled forms are saved under names in the settings file, beside what else stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms.saved import SavedForm, holds_another, load_forms, save_form


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "config.toml"


def test_what_is_saved_is_loaded_and_comments_stay(file: Path) -> None:
    assert load_forms() == {}
    file.write_text('# mine\n[screen]\ntheme = "nord"\n')
    file.chmod(0o600)
    quick = SavedForm("cnn-torch", "digits", "cpu", {"model:lr": "0.02", "data:size": "32"})
    save_form("quick", quick)
    save_form("big", SavedForm("mlp-torch", "folder:/pets"))
    assert load_forms() == {"quick": quick, "big": SavedForm("mlp-torch", "folder:/pets")}
    save_form("quick", SavedForm("mlp-torch", "digits"))
    assert load_forms()["quick"].model == "mlp-torch"
    assert file.read_text().startswith('# mine\n[screen]\ntheme = "nord"\n')


def test_another_form_of_a_name_is_told_whatever_else_is_saved(file: Path) -> None:
    quick = SavedForm("cnn-torch", "digits")
    file.write_text('[forms.bad]\nmodel = 3\n[forms.quick]\nmodel = "cnn-torch"\ndataset = "digits"\n')
    file.chmod(0o600)
    assert not holds_another("new", quick)
    assert not holds_another("quick", quick)
    assert holds_another("quick", SavedForm("mlp-torch", "digits"))
    assert holds_another("bad", quick), "it cannot be read"
    file.write_text("forms = 3")
    with pytest.raises(UsageError, match="forms"):
        holds_another("quick", quick)


@pytest.mark.parametrize("name", ["", "a b", "../x", "a\x1b"])
def test_a_name_is_one_of_a_run(name: str) -> None:
    with pytest.raises(UsageError):
        save_form(name, SavedForm("mlp-torch", "digits"))


@pytest.mark.parametrize("text", ["forms = 3", "[forms.a]\nmodel = 3", '[forms.a]\nmodel = "m"', "[forms]\na = 1"])
def test_what_is_wrong_is_one_line(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="forms") as caught:
        load_forms()
    assert "\n" not in str(caught.value)
