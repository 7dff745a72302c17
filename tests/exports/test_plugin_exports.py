"""Which figures and tables of other people's plugins are drawn: each once, and by the plugin that has its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.catalog import assemble
from dltui.core.catalog.entries import Catalog, ExporterEntry
from dltui.core.catalog.sources import Source
from dltui.exports import plugin_exports
from tests.exports.runs import reader

FIGURES, TABLES = (("figures", "lab.figures"),), (("tables", "lab.tables"),)
PLUGIN = """
from dltui import Exporter, hookimpl

def draw(run, target):
    target.write_text("x")

@hookimpl
def dltui_exporters():
    return [Exporter(name, "table", draw, "txt") for name in ("roc", "pr", "pr")]
"""


def entry(name: str, points: tuple[tuple[str, str], ...], task: str | None = None) -> ExporterEntry:
    source = replace(Source("distribution", "lab", "1.0", digest="the same"), entry_points=points)
    return ExporterEntry(name, "table", "txt", task, source.to_json())


def test_each_entry_point_of_a_plugin_is_asked_for_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for those of other tasks, nor for those in the box."""
    entries = [entry("roc", FIGURES), entry("pr", TABLES), entry("f1", TABLES)]
    others = [entry("iou", TABLES, "segmentation"), entry("summary", FIGURES)]
    catalog = Catalog(exporters={one.name: one for one in (*entries, *others)})
    monkeypatch.setattr(assemble, "load_catalog", lambda files: catalog)
    found, left_out = plugin_exports.sources(reader(tmp_path), ["summary"])
    assert [(one["entry_points"], one["exporters"]) for one in found] == [(FIGURES, ["roc"]), (TABLES, ["pr", "f1"])]
    assert left_out == []


def test_what_another_plugin_draws_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "figures_of_mine.py"
    file.write_text(PLUGIN)
    source = Source("file", file.name, path=str(file)).to_json()

    def drawn(built_in: list[str], **more: object) -> list[str]:
        exporters, problems = plugin_exports.load({**source, **more}, built_in)
        assert problems == []
        return [exporter.name for exporter in exporters]

    assert drawn([], exporters=["pr"]) == ["pr"]
    assert drawn([]) == ["roc", "pr"]
    assert drawn(["roc"], exporters=["roc", "pr"]) == ["pr"]
