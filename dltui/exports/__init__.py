"""Figures and tables of a run, drawn from its directory alone; registered like anybody else's exporters."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Exporter
from dltui.core.hooks import hookimpl

if TYPE_CHECKING:
    from dltui.core.contract import Task


def _exporter(name: str, task: Task | None = None, suffix: str = "") -> Exporter:
    """The exporter of the module `name`, whose plotting library is imported when it first draws."""

    def draw(reader: Any, target: Path) -> None:
        import_module(f"dltui.exports.{name}").export(reader, target)

    return Exporter(name, "table" if suffix else "figure", draw, suffix, task)


@hookimpl
def dltui_exporters() -> list[Exporter]:
    return [
        _exporter("training_metrics"),
        _exporter("confusion_matrix", task="classification"),
        _exporter("mislabeled", task="classification"),
        _exporter("regression", task="regression"),
        _exporter("structure"),
        _exporter("metrics", suffix="csv"),
        _exporter("summary", suffix="json"),
        _exporter("model", suffix="safetensors"),
        _exporter("report", suffix="html"),
    ]
