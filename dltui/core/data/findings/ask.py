"""Asks what is wrong with a dataset: prepares it where it is not, looks at all of it, and brings its samples along."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dltui.core import paths
from dltui.core.catalog import entries
from dltui.core.data import search
from dltui.core.data.findings import at_start, dropped, record
from dltui.core.data.preparation import Preparation
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import DatasetEntry
    from dltui.core.catalog.models.entry import ModelEntry
    from dltui.core.contract import Data
    from dltui.core.contract.types import SplitName
    from dltui.core.data.findings.record import Findings, Sample

EITHER = ("classification", "regression")
"""The tasks that are tried, with each kind of input in turn, for data that fits either."""
_LINE = re.compile(r" line \d")


class Wanted(NamedTuple):
    """What a model trains for, which decides how data that fits several tasks is divided: its task, and the kinds of
    inputs that it takes.
    """

    task: str
    takes: Sequence[str]


@dataclass(frozen=True)
class Looked:
    """A dataset under the name that selects it again, its samples, and what was found."""

    reference: str
    data: Data
    findings: Findings


def of_model(entry: DatasetEntry, model: ModelEntry) -> Wanted:
    """What a model wants of a dataset. Raises UsageError where it cannot train on it."""
    if not entry.suits(model):
        raise UsageError(f"{model.id} does not train on {clean_line(entry.reference, 100)}; name a model that does")
    return Wanted(model.task if entry.task == "any" else entry.task, model.takes)


def of_run(asked: Mapping[str, Any]) -> Wanted:
    """What a run wants of its data, by its run.json."""
    return Wanted(str(asked.get("task") or EITHER[0]), tuple(asked.get("takes") or ("single",)))


def find(
    entry: DatasetEntry,
    options: Mapping[str, Any],
    data_dir: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
    wanted: Wanted | None = None,
) -> Looked:
    """The findings about a dataset with these options, all of them: about the samples of a run that has what is
    `wanted`, else of the first that can be. Raises UsageError.
    """
    if entry.needs_path and not options.get("path"):
        raise UsageError(f"which {entry.takes}? use {entry.name}:PATH")
    problem: DltuiError | None = None
    for task, takes in [wanted] if wanted else _either(entry):
        try:
            asked = _asked(entry, options, data_dir, task) | {"takes": list(takes)}
            data = _prepared(asked, str(entry.source["python"]), tell)
        except RunError as error:
            # What is wrong with a line was found after what is wrong with a column.
            further = problem is None or (_LINE.search(str(error)) and not _LINE.search(str(problem)))
            problem = error if further else problem
            continue
        found = record.read(data.fingerprint)
        if found is None:
            raise UsageError(f"the findings about {entry.name} cannot be kept in {paths.cache_dir()}")
        return Looked(entry.reference, data, _named(found, data))
    raise UsageError(str(problem))


def _either(entry: DatasetEntry) -> list[Wanted]:
    """What is tried in turn where nobody says which model is meant."""
    tasks = EITHER if entry.task == "any" else (entry.task,)
    kinds = sorted(entry.gives or ("single",), key="single".__ne__)
    return [Wanted(task, (kind,)) for task, kind in itertools.product(tasks, kinds)]


def _named(found: Findings, data: Data) -> Findings:
    """Findings that may have been kept when the same samples had other names, with the names that they have."""

    def named(sample: Sample) -> Sample:
        names = data.split(cast("SplitName", sample.split)).names
        known = "" if names is None else record.name_of(names[sample.row])
        return replace(sample, name=known)

    pairs = (replace(pair, kept=named(pair.kept), other=named(pair.other)) for pair in found.pairs)
    return replace(found, pairs=tuple(pairs), odd=tuple(replace(one, sample=named(one.sample)) for one in found.odd))


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
