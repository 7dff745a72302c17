"""What a run was made of that is not installed here: the form of a run like it names it, and takes nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog


def model_key(name: str) -> str:
    """The key of a model in `reasons`."""
    return f"model {name}"


def dataset_key(name: str) -> str:
    """The key of a dataset in `reasons`."""
    return f"dataset {name}"


def reasons(run: Mapping[str, Any], catalog: Catalog, distrust: str = "") -> dict[str, str]:
    """Why the model and the dataset of a run cannot be chosen, by `model_key` and `dataset_key`; {} where both can.
    `run` is its run.json, `distrust` says why its plugin files are not imported.
    """
    from dltui.core.catalog import entries

    found = {}
    model, dataset = str(run.get("model")), str(run.get("dataset"))
    if catalog.known_model(model) is None:
        found[model_key(model)] = _reason(model, run.get("model_source"), catalog, distrust)
    if entries.asked_for(run, catalog) is None:
        found[dataset_key(dataset)] = _reason(dataset, run.get("dataset_source"), catalog, distrust)
    return found


def not_taken(run: Mapping[str, Any]) -> str:
    """Which options of a run the form has no rows for: ", without --share, --log"; "" where it had none of them."""
    had = [flag for flag, value in (("--share", run.get("share")), ("--log", run.get("loggers"))) if value]
    return f", without {', '.join(had)}" if had else ""


def _reason(name: str, source: object, catalog: Catalog, distrust: str) -> str:
    """Why one of them cannot be chosen, with the file or package that brought it."""
    known = source if isinstance(source, Mapping) else {}
    name, file = clean_line(name, 60), str(known.get("path") or "")
    if not file:
        package = clean_line(known.get("name") or "", 60)
        return f"{name} is not installed here{f' (it came with {package})' if package else ''}"
    short = clean_line(Path(file).name, 60)
    if distrust:
        return f"{name} is not installed here, and its file {short} is not imported: {distrust}"
    broken = [reason for _, reason in catalog.problems_of([file])]
    if broken:
        return f"{name} is not installed here: {short} could not be loaded: {broken[0]}"
    return f"{name} is not installed here: {short} {'does not bring it' if Path(file).is_file() else 'is not there'}"
