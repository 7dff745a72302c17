"""The generated pages of the documentation say what the code says."""

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.hosts import address
from dltui.core.lifecycle.forms import saved, settings_schema
from dltui.tui.terminal.settings import CHOICES
from tests.helpers.known_catalog import Fill

DOCS = Path(__file__).parents[2] / "docs"
INTERNAL = {"DLTUI_CHECK", "DLTUI_PROBE", "DLTUI_PRESETS", "DLTUI_COMPLETE", "DLTUI_STATUS", "DLTUI_EXPORTS"}
"""Those that dltui sets for its own processes, or tells in another line."""
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


def test_the_pages_say_what_the_code_says(make_reference: ModuleType) -> None:
    """Commands, hyperparameters, variables, exit codes, hooks, the page of `man`, the schemas."""
    # In a process of its own: commands keep how they were first asked for help, by any test before.
    code = "import json, make_reference as m; print(json.dumps(m.pages(m.load_catalog())))"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": f"{DOCS}{os.pathsep}{DOCS.parent}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for name, text in json.loads(done.stdout).items():
        assert (DOCS / name).read_text() == text, f"{name} is old; {AGAIN}"


def test_the_events_of_the_page_about_them(make_reference: ModuleType) -> None:
    said = (DOCS / "events.md").read_text()
    assert [row for row in make_reference.events_table().splitlines()[2:] if row not in said] == []


def test_every_variable_is_documented() -> None:
    code = (path.read_text() for path in (DOCS.parent / "dltui").rglob("*.py"))
    read = set(re.findall(r"\bDLTUI_[A-Z_]+[A-Z]\b", "\n".join(code))) - INTERNAL
    said = (DOCS / "lookup.md").read_text()
    assert sorted(name for name in read if f"`{name}`" not in said) == []


def test_the_schema_knows_what_the_settings_take(make_reference: ModuleType) -> None:
    catalog = load_catalog()
    found = settings_schema.schema(catalog, CHOICES)
    train, defined = found["properties"]["train"], found["$defs"]
    assert set(found["properties"]) == {"train", "frameworks", "hosts", "forms", "plugins", "cost", "screen"}
    for model in catalog.models.values():
        own = train["properties"][model.id]["properties"]
        for spec in model.fields:
            made = defined[own[spec.name]["$ref"].rpartition("/")[2]]
            assert made == settings_schema.field(spec)
            assert spec.name in train["properties"]
    assert {"^timm:", "^keras:"} <= set(train["patternProperties"])
    lr = settings_schema.field(next(spec for spec in model.fields if spec.name == "lr"))
    assert lr["anyOf"][0] == {"type": "number", "exclusiveMinimum": 0, "maximum": 10}
    assert set(settings_schema.schema(catalog)["properties"]) == {"train"}


def test_the_schema_knows_the_tables_of_hosts_and_of_saved_forms() -> None:
    hosts, forms = (settings_schema.OTHERS[name] for name in (address.TABLE, saved.TABLE))
    assert set(hosts["additionalProperties"]["properties"]) == set(address.KEYS)
    assert hosts["propertyNames"]["pattern"] == f"^{address._HOST.pattern}$"
    form, known = forms["additionalProperties"], dataclasses.fields(saved.SavedForm)
    assert set(form["properties"]) == {one.name for one in known}
    assert form["required"] == ["model", "dataset"]
