"""Asks what is wrong with a dataset: prepares it where it is not, looks at all of it, and brings its samples along."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.catalog import entries
from dltui.core.data import search
from dltui.core.data.findings import at_start, dropped, record
from dltui.core.data.preparation import Preparation
from dltui.core.errors import DltuiError, RunError, UsageError

if TYPE_CHECKING:
    from dltui.core.catalog.entries import DatasetEntry
    from dltui.core.contract import Data
    from dltui.core.data.findings.record import Findings

EITHER = ("classification", "regression")
"""The tasks that are tried, with each kind of input in turn, for data that fits either."""


@dataclass(frozen=True)
class Looked:
    """A dataset under the name that selects it again, its samples, and what was found."""

    reference: str
    data: Data
    findings: Findings


def find(
    entry: DatasetEntry,
    options: Mapping[str, Any],
    data_dir: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Looked:
    """The findings about a dataset with these options, all of them. Raises UsageError."""
    if entry.needs_path and not options.get("path"):
        raise UsageError(f"which {entry.takes}? use {entry.name}:PATH")
    problem: DltuiError | None = None
    tasks = EITHER if entry.task == "any" else (entry.task,)
    kinds = sorted(entry.gives or ("single",), key="single".__ne__)
    for task, kind in itertools.product(tasks, kinds):
        try:
            asked = _asked(entry, options, data_dir, task) | {"takes": [kind]}
            data = _prepared(asked, str(entry.source["python"]), tell)
        except RunError as error:
            problem = problem or error
            continue
        found = record.read(data.fingerprint)
        if found is None:
            raise UsageError(f"the findings about {entry.name} cannot be kept in {paths.cache_dir()}")
        return Looked(entry.reference, data, found)
    raise UsageError(str(problem))


def _asked(entry: DatasetEntry, options: Mapping[str, Any], data_dir: str | None, task: str) -> dict[str, Any]:
    """What run.json would say of the data."""
    given = {spec.name: spec.default for spec in entry.fields} | {**entry.given, **options}
    kind = next((kind for name, kind in entry.task_options.items() if given.get(name)), task)
    return {
        "dataset": entries.title(entry, given),
        "dataset_plugin": entry.plugin or entry.name,
        "dataset_source": dict(entry.source),
        "dataset_options": given,
        dropped.FIELD: dropped.record(str(given.get(dropped.OPTION) or "")),
        "task": kind,
        "data_dir": paths.absolute(data_dir) if data_dir else None,
        "data_dirs": [str(folder) for folder in search.data_dirs(data_dir, entry.name)],
        at_start.FULL: True,
    }


def _prepared(asked: Mapping[str, Any], python: str, tell: Callable[[str], None]) -> Data:
    preparation = Preparation.before_run(asked, python)
    try:
        return preparation.data(tell)
    except DltuiError:
        raise
    except BaseException:
        preparation.cancel()
        preparation.wait()
        raise
