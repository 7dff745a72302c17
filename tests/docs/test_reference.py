"""The generated pages of the documentation say what the code says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dltui.core.catalog.assemble import load_catalog
from tests.helpers.known_catalog import Fill

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = "run: python docs/make_reference.py"


@pytest.fixture
def make_reference(tmp_path: Path, know_catalog: Fill, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    know_catalog(tmp_path / "home")
    for name, value in {"DLTUI_HOME": str(tmp_path / "home"), "DLTUI_THIRD_PARTY": "0", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "make_reference", module)
    spec.loader.exec_module(module)
    return module


def test_the_help_of_every_command(make_reference: ModuleType) -> None:
    assert (DOCS / "commands.md").read_text() == make_reference.commands_page(), AGAIN


def test_the_hyperparameters_of_every_model(make_reference: ModuleType) -> None:
    assert (DOCS / "hyperparameters.md").read_text() == make_reference.hyperparameters_page(load_catalog()), AGAIN
