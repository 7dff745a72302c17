"""Tries out the datasets, exporters, loggers and launchers of a plugin, each in a real run."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.checks.conformance import exporting, launch_process, samples
from dltui.core.data.preparation import Preparation
from dltui.core.errors import DltuiError
from dltui.core.text import clean_line
from dltui.core.worker.figures import FORMATS
from dltui.core.worker.loggers import NOT_BEGUN

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry, ExporterEntry

SMALL = {
    "classification": "softmax",
    "multilabel": "softmax",
    "regression": "linear-regression",
    "segmentation": "unet",
}
"""The built-in models for the runs that exporters and loggers are tried with."""


def names(catalog: Catalog, source: str) -> dict[str, list[str]]:
    """The names that a source brings beside models, by kind."""
    return {
        # Those that the user has named are no part of it.
        "datasets": [
            name for name, entry in catalog.datasets.items() if entry.source.get("name") == source and not entry.plugin
        ],
        "exporters": [name for name, entry in catalog.exporters.items() if entry.source.get("name") == source],
        "loggers": [name for name, entry in catalog.loggers.items() if _source(entry).get("name") == source],
        "launchers": [name for name, entry in catalog.launchers.items() if entry.source.get("name") == source],
    }


def _source(entry: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = entry.get("source", entry)
    return found


def dataset(entry: DatasetEntry) -> tuple[bool, str]:
    """Prepare the dataset with its defaults: (True if all is well, message)."""
    if entry.needs_path:
        return True, f"takes a {entry.takes} of your own: not tried; {entry.name}:PATH shows it in a run"
    tasks = ("classification", "regression") if entry.task == "any" else (entry.task,)
    asked = {
        "dataset": entry.name,
        "dataset_plugin": entry.name,
        "dataset_source": dict(entry.source),
        "dataset_options": {spec.name: spec.default for spec in entry.fields} | dict(entry.given),
        "data_dirs": [],
    }
    said = []
    for task in tasks:
        try:
            data = Preparation.before_run({**asked, "task": task}, str(entry.source["python"])).data(lambda _: None)
        except DltuiError as error:
            return False, clean_line(error, 400)
        sizes = f"{len(data.train):,} + {len(data.validation):,} + {len(data.test):,} samples"
        said.append(f"{sizes} of {samples.label(data.spec.named_inputs or data.spec.input_shape, data.spec.outputs)}")
    return True, "; ".join(said)


def exporter(entry: ExporterEntry, catalog: Catalog, files: Sequence[Path]) -> tuple[bool, str]:
    """Draw a figure or table of a short run, and open the written files: (True if all is well, message)."""
    with tempfile.TemporaryDirectory(prefix="dltui-check-") as temporary:
        lines = _run(entry.task or "classification", catalog, files, Path(temporary))
        if isinstance(lines, str):
            return False, lines
        written = sorted((Path(temporary) / "exports").rglob(f"{entry.name}.*"))
        # Of several plugins only its own lines count.
        missing = [line for line in exporting.missing(lines) if entry.name in line]
        bad = [f"{path.name}: {problem}" for path in written if (problem := exporting.problem(path))]
        if missing or bad:
            return False, clean_line("; ".join([*missing, *bad]), 400)
        wanted = len(FORMATS) if entry.kind == "figure" else 1
        if len(written) < wanted:
            return False, f"wrote {len(written)} of {wanted} files; draw(run, target) writes `target`"
        return True, ", ".join(path.name for path in written)


def logger(name: str, catalog: Catalog, files: Sequence[Path]) -> tuple[bool, str]:
    """Follow a short run: (True if all is well, message). One that refuses to begin without an option is not tried."""
    with tempfile.TemporaryDirectory(prefix="dltui-check-") as temporary:
        lines = _run("classification", catalog, files, Path(temporary), "--log", name)
    if isinstance(lines, str):
        return False, lines
    wrong = [line for line in lines if line.startswith(f"warning: logger {name} ")]
    refusal = f"warning: logger {name} {NOT_BEGUN}: "
    if wrong and all(line.startswith(refusal) for line in wrong):
        return True, clean_line(f"not tried: {wrong[0].removeprefix(refusal)}", 400)
    return not wrong, clean_line("; ".join(wrong), 400) or "followed a run of one epoch"


def _fits(entry: ExporterEntry, tasks: Collection[str]) -> bool:
    return bool(tasks) if entry.task is None else entry.task in tasks


def _run(task: str, catalog: Catalog, files: Sequence[Path], place: Path, *words: str) -> list[str] | str:
    usable = [entry for entry in catalog.models.values() if entry.name == SMALL[task] and entry.available]
    if not usable:
        return "cannot be checked here: no framework is installed"
    dataset, more = exporting.data_for(task, place)
    return exporting.train(usable[0], dataset, files, place, (*more, *words))


def check(
    catalog: Catalog, source: str, files: Sequence[Path], drawn: Collection[str]
) -> Iterator[tuple[str, str, bool, str]]:
    """Findings as (check, subject, True if all is well, message) for all that a source brings beside models. Exporters
    of the tasks `drawn` have been tried with its models.
    """
    found = names(catalog, source)
    for name in found["datasets"]:
        yield "data", name, *dataset(catalog.datasets[name])
    untried = [name for name in found["exporters"] if not _fits(catalog.exporters[name], drawn)]
    for name in untried:
        yield "draw", name, *exporter(catalog.exporters[name], catalog, files)
    for name in found["loggers"]:
        yield "log", name, *logger(name, catalog, files)
    for name in found["launchers"]:
        yield "launch", name, *launch_process.check(name, catalog, files)
