"""`dltui twin`: what is refused before the first of the two runs; tests/journeys has twins that are trained."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.catalog.entries import Catalog, ModelEntry
from dltui.core.lifecycle import twin
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
