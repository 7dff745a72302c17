"""Models that are found by name: their list is asked for once, kept, and a wrong name gets a suggestion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.catalog import describe, plugin_loader, probe
from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.models import families
from dltui.core.errors import PluginError, UsageError
from dltui.core.machine import sandbox
from tests.fakes import fake_family

FAKES = Path(__file__).parents[2] / "fakes"
PLUGINS = [FAKES / "fake_plugin.py", FAKES / "fake_family.py"]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("catalog")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(folder / "home"))
        patch.setenv("DLTUI_CACHE", str(folder / "cache"))
        found = load_catalog(PLUGINS)
    # Those of real libraries import their framework.
    return replace(found, families={"toy": found.families["toy"]})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "cache"))


def test_a_family_is_known_without_its_members(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "run_all", lambda *_: pytest.fail("a process was started"))
    family = catalog.families["toy"]
    assert (family.model.framework, family.model.available, family.model.summary) == (
        "numpy",
        True,
        "toys of several sizes",
    )
    assert families.kept_members(family) == ()
    known = catalog.known_model("toy:large")
    assert known is not None
    assert (known.id, known.name) == ("toy:large", "toy:large")
    assert catalog.known_model("cnn") is None
    assert "toy:any" not in catalog.models


def test_members_are_asked_for_once(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_COUNT", str(tmp_path / "count"))
    for _ in range(2):
        model = catalog.model("toy:large")
        assert (model.id, model.image_size, model.task) == ("toy:large", 16, "classification")
    assert (tmp_path / "count").read_text() == "listed\n"
    assert [member.name for member in families.fitting(catalog.families["toy"], "large*")] == ["large", "large-wide"]
    names = families.references(catalog.families.values())
    assert {"toy:small", "toy:large"} <= set(names)
    assert families.matching(names, "toy wide") == ["toy:large-wide"]
    assert families.matching(["toy:xl", "toy:large", "l"], "toy:l") == ["toy:large", "toy:xl"]


def test_a_wrong_name_gets_a_suggestion(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match=r'^no model "toy:smal"; did you mean toy:small\?$'):
        catalog.model("toy:smal")
    with pytest.raises(UsageError, match=r'^no model "toy:qqq"; dltui models toy: lists 4 of them$'):
        catalog.model("toy:qqq")
    with pytest.raises(UsageError, match=r'^no model "toi:small"; dltui models lists them'):
        catalog.model("toi:small")


def test_all_about_members(catalog: Catalog) -> None:
    found = families.about(catalog.families["toy"], ["small", "large"])
    assert [(member.parameters, member.weights) for member in found] == [(500, "here"), (500, "here")]


def test_a_damaged_answer_costs_no_more_than_its_members(catalog: Catalog) -> None:
    family = catalog.families["toy"]
    probe.keep(family.key, {"members": [{"name": "a"}, 3, {"name": "b", "image_size": 8, "weights": ""}]})
    assert [member.name for member in families.kept_members(family)] == ["b"]


def test_an_unusable_family_says_why(catalog: Catalog) -> None:
    family = catalog.families["toy"]
    away = replace(family, model=replace(family.model, available=False, reason="needs toys"))
    entry = replace(catalog, families={"toy": away}).model("toy:anything")
    assert (entry.available, entry.reason) == (False, "needs toys")


def test_a_worker_loads_a_member(catalog: Catalog) -> None:
    source = catalog.families["toy"].model.source
    assert plugin_loader.load_model(source, "toy:small").id == "toy:small"
    with pytest.raises(PluginError, match="does not give the family toi"):
        plugin_loader.load_model(source, "toi:small")


def test_an_invalid_family_is_refused() -> None:
    family = fake_family.dltui_families()[0]
    with pytest.raises(PluginError, match=r'its model\("any"\) must have the id and the name toys:any'):
        describe.family_record(replace(family, name="toys"))
    with pytest.raises(PluginError, match="its members, model and about must be functions"):
        describe.family_record(replace(family, members=3))  # type: ignore[arg-type]
