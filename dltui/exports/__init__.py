"""Figures and tables of a run, drawn from its directory alone; registered like any plugin's exporters."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Exporter
from dltui.core.contract.hooks import hookimpl

if TYPE_CHECKING:
    from dltui.core.contract.types import Task


def _exporter(module: str, task: Task | None = None, suffix: str = "", name: str = "") -> Exporter:
    """The exporter of the module, whose plotting library is imported when it first draws."""

    def draw(reader: Any, target: Path) -> None:
        import_module(f"dltui.exports.{module}").export(reader, target)

    return Exporter(name or module.rsplit(".", 1)[-1], "table" if suffix else "figure", draw, suffix, task)


@hookimpl
def dltui_exporters() -> list[Exporter]:
    return [
        _exporter("figures.training_metrics"),
        # Of classes, and of the pixels of masks; other tasks have none.
        _exporter("figures.confusion_matrix"),
        _exporter("figures.mislabeled", task="classification"),
        _exporter("figures.reliability", task="classification"),
        _exporter("figures.precision_recall", task="multilabel"),
        _exporter("figures.regression", task="regression"),
        _exporter("figures.masks.class_iou", task="segmentation"),
        _exporter("figures.masks.worst_masks", task="segmentation"),
        _exporter("figures.structure"),
        _exporter("tables.metrics", suffix="csv"),
        _exporter("tables.labels", task="multilabel", suffix="csv"),
        _exporter("tables.classes", task="segmentation", suffix="csv"),
        _exporter("tables.summary", suffix="json"),
        _exporter("tables.weights", suffix="safetensors", name="model"),
        _exporter("report.report", suffix="html"),
    ]
