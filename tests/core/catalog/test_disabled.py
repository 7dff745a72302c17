"""Plugins that are left out: by name, all of third parties, and never one that was asked for on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.core.catalog import disabled
from dltui.core.catalog.assemble import load_catalog
from dltui.core.paths import plugins_dir
from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(disabled.VARIABLE, raising=False)
    plugins_dir().mkdir(parents=True)
    (plugins_dir() / "fake.py").write_text(FAKE.read_text())
    return tmp_path / "home"


def test_disabled_and_enabled_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert "softmax-numpy" in load_catalog().models
    assert main.run(["plugins", "disable", "fake.py"]) == 0
    assert "softmax-numpy" not in load_catalog().models
    capsys.readouterr()
    assert main.run(["plugins", "list", "--json"]) == 0
    (entry,) = [entry for entry in json.loads(capsys.readouterr().out) if entry["name"] == "fake.py"]
    assert entry["disabled"] == "disabled; dltui plugins enable fake.py"
    assert main.run(["plugins", "enable", "fake.py"]) == 0
    assert "softmax-numpy" in load_catalog().models


@pytest.mark.parametrize("how", ["flag", "variable", "settings"])
def test_third_parties_are_ignored(how: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disabled.VARIABLE, "0" if how == "variable" else "1")
    if how == "settings":
        monkeypatch.delenv(disabled.VARIABLE)
        (home / "config.toml").write_text("[plugins]\nthird_party = false\n")
    if how == "flag":
        assert main.run(["--no-third-party", "plugins", "folder"]) == 0
    catalog = load_catalog()
    assert {source.name for source in catalog.sources} == {"dltui"}
    assert "cnn-torch" in catalog.models
    assert "softmax-numpy" in load_catalog([FAKE]).models


def test_wrong_names_and_settings_are_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plugins", "disable", "fale.py"]) == 2
    assert capsys.readouterr().err == 'dltui: no plugin "fale.py"; did you mean fake.py?\n'
    assert main.run(["plugins", "disable", "dltui"]) == 2
    assert "cannot be disabled" in capsys.readouterr().err
    disabled.file().write_text("{")
    assert main.run(["plugins", "list"]) == 2
    assert "remove it to enable all plugins" in capsys.readouterr().err
    disabled.file().unlink()
    (home / "config.toml").write_text('[plugins]\nthird_party = "no"\n')
    assert main.run(["models"]) == 2
    assert "third_party must be true or false" in capsys.readouterr().err
