"""Questions about a plugin that only its own code can answer, each asked in a short-lived process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.models.families import FRAMEWORK_SECONDS
from dltui.core.catalog.probe import answer, patience, plugin_seconds

if TYPE_CHECKING:
    from dltui.core.catalog.entries import BackendEntry, DatasetEntry, LauncherEntry, ModelEntry
    from dltui.core.contract import Preview

PREVIEW_SECONDS = 60.0
"""For a look at a folder of many files on a slow disk."""


def full_config(model: ModelEntry, values: Mapping[str, Any]) -> dict[str, Any]:
    """All hyperparameters as the model's own Config makes them. Raises UsageError in the Config's words."""
    details = {"model": model.id, "config": dict(values)}
    return dict(_answer(model.source, "check", details)["config"])


def full_options(dataset: DatasetEntry, values: Mapping[str, Any]) -> dict[str, Any]:
    """All options as the dataset's own class makes them. Raises UsageError in its words."""
    details = {"dataset": dataset.plugin or dataset.name, "options": dict(values)}
    return dict(_answer(dataset.source, "dataset-check", details)["options"])


def launcher_options(launcher: LauncherEntry, values: Mapping[str, Any]) -> dict[str, Any]:
    """All options as the launcher's own class makes them. Raises UsageError in its words."""
    details = {"launcher": launcher.name, "options": dict(values)}
    return dict(_answer(launcher.source, "launcher-check", details)["options"])


def dataset_files(dataset: DatasetEntry, options: Mapping[str, Any], folders: Sequence[Path]) -> list[Path] | None:
    """The files that would be read, [] when they must be downloaded first, None for embedded data."""
    details = {
        "dataset": dataset.plugin or dataset.name,
        "options": dict(options),
        "data_dirs": [str(folder) for folder in folders],
    }
    found = _answer(dataset.source, "dataset-sources", details)["sources"]
    return None if found is None else [Path(path) for path in found]


def dataset_preview(dataset: DatasetEntry, options: Mapping[str, Any]) -> Preview:
    """A preview of the data at a dataset's path, its texts cleaned. Raises UsageError when it cannot be read."""
    from dltui.core.contract import Preview
    from dltui.core.text import clean_line

    details = {"dataset": dataset.plugin or dataset.name, "options": {**dataset.given, **options}}
    found = _answer(dataset.source, "dataset-preview", details, PREVIEW_SECONDS)["preview"]
    image = tuple(map(int, found.get("image", ())))
    known = not image or (len(image) == 3 and min(image) > 0)
    return Preview(
        facts=tuple((clean_line(label, 40), clean_line(text, 300)) for label, text in found["facts"]),
        classes=tuple((clean_line(name, 200), int(count)) for name, count in found["classes"]),
        columns=tuple(clean_line(name, 100) for name in found["columns"]),
        rows=tuple(tuple(clean_line(cell, 100) for cell in row) for row in found["rows"]),
        samples=tuple((clean_line(name, 100), int(w), int(h), str(rgb)) for name, w, h, rgb in found["samples"]),
        notes=tuple(clean_line(note, 500) for note in found["notes"]),
        train=int(found.get("train", 0)) if known else 0,
        image=image if known else (),
    )


def network_layers(
    model: ModelEntry, backend: BackendEntry, config: Mapping[str, Any], spec: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows of a network's structure (name, kind, output, parameters), built without data. Imports the framework."""
    details = {"model": model.id, "config": dict(config), "spec": dict(spec), "backend_source": dict(backend.source)}
    return list(_answer(model.source, "layers", details, FRAMEWORK_SECONDS)["layers"])


def framework_devices(backend: BackendEntry) -> list[dict[str, Any]]:
    """The devices that the framework can use: device, name, problem. Imports the framework in another process."""
    return list(_answer(backend.source, "devices", {"framework": backend.framework}, FRAMEWORK_SECONDS)["devices"])


def importing(python: str, module: str) -> dict[str, str]:
    """Import a module in a process of an interpreter: its version and Python's. Raises UsageError with the reason."""
    found = answer(python, "imports", {"name": module}, {"module": module}, FRAMEWORK_SECONDS)
    return {key: str(value) for key, value in found.items()}


def _seconds(source: Mapping[str, Any]) -> float:
    return plugin_seconds() * patience(str(source.get("kind")), source.get("path"))


def _answer(
    source: Mapping[str, Any], question: str, details: dict[str, Any], seconds: float | None = None
) -> dict[str, Any]:
    return answer(str(source["python"]), question, source, details, seconds or _seconds(source))
