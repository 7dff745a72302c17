"""`dltui twin`: what is refused before the first of the two runs; tests/journeys has twins that are trained."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.catalog.entries import Catalog, ModelEntry
from dltui.core.errors import UsageError
from dltui.core.lifecycle import create, twin
from dltui.core.lifecycle.create import RunRequest
from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[3] / "fakes" / "fake_plugin.py"


def test_both_runs_are_checked_before_the_first_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], know_catalog: Fill
) -> None:
    """A name that has room for `-numpy` may have none for `-tensorflow`."""

    def pair(catalog: Catalog, text: str) -> tuple[ModelEntry, ModelEntry]:
        model = catalog.model(text)
        return model, replace(model, framework="tensorflow")

    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(twin, "pair", pair)
    words = ("--plugin", str(FAKE), "--dataset", "blobs", "--name", "x" * 55, "--epochs", "1")
    assert main.run(["twin", "softmax-numpy", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dltui: run name")
    assert not list((tmp_path / "home").glob("runs/*"))


def test_what_is_set_for_trainings_holds_where_both_models_have_it_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], know_catalog: Fill
) -> None:
    def pair(catalog: Catalog, text: str) -> tuple[ModelEntry, ModelEntry]:
        model = catalog.model(text)
        return model, replace(model, id="softmax-other")

    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLTUI_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    settings = '[train]\nlr = 0.25\nepochs = 9\nexports = "out"\nformat = "pdf"\nbatch_size = "fit"\n'
    Path("dltui.toml").write_text(f"{settings}[train.softmax-numpy]\nseed = 3\n")
    monkeypatch.setattr(twin, "pair", pair)
    asked: list[RunRequest] = []

    def check(request: RunRequest, catalog: Catalog) -> None:
        asked.append(request)
        if len(asked) == 2:
            raise UsageError("enough")

    monkeypatch.setattr(create, "check_request", check)
    assert main.run(["twin", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "1"]) == 2
    out, err = capsys.readouterr()
    assert [request.config for request in asked] == [{"epochs": 1, "lr": 0.25}] * 2
    assert {(request.device, request.exports) for request in asked} == {("cpu", "out")}
    assert asked[0].command[-6:] == ("--device", "cpu", "--lr", "0.25", "--exports", "out")
    assert out == "DLTUI_DEVICE: device cpu\ndltui.toml [train]: lr 0.25, exports out\n"
    assert "dltui.toml [train.softmax-numpy]: seed 3: not used, both models train alike\n" in err
    assert "dltui.toml [train]: batch size fit" in err
