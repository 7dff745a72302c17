"""The catalog's entries: the models, datasets and frameworks of all plugins, and the problems of those that failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dltui.core.catalog.fields import FieldSpec
from dltui.core.catalog.models.entry import ModelEntry as ModelEntry
from dltui.core.catalog.models.families import FamilyEntry, MemberEntry, kept_members, members
from dltui.core.catalog.sources import Installed, Source
from dltui.core.errors import UsageError
from dltui.core.inputs import kinds
from dltui.core.paths import absolute, is_file, is_folder
from dltui.core.tasks.registry import task_of
from dltui.core.text import clean_line, suggest

LEFT_OUT = " is left out: "
"""Stands in the problem of an item whose name another plugin took first."""
FAVORITE = "torch"
"""The preferred framework of a model named without a framework, when several are installed."""


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset that can be chosen. `embedded`: its data comes with a package, without files or network. A dataset that
    `takes` a path has it in `given`, with other options that came with its name; `plugin` is the plugin's dataset
    when `name` was given by the user.
    """

    name: str
    task: str
    summary: str
    fields: tuple[FieldSpec, ...]
    checks_more: bool
    source: Mapping[str, Any]
    input_shape: tuple[int, ...] = ()
    classes: int = 0
    train_size: int = 0
    test_size: int = 0
    download_bytes: int = 0
    embedded: bool = False
    homepage: str = ""
    files: tuple[str, ...] = ()
    file_sizes: tuple[int, ...] = ()
    urls: tuple[str, ...] = ()
    takes: str = ""
    previews: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    plugin: str = ""
    task_options: Mapping[str, str] = field(default_factory=dict)
    """The options that make it fit another task where they are set."""
    gives: tuple[str, ...] = ("single",)
    """The kinds of inputs that it can give."""

    def fits(self, *tasks: str) -> bool:
        """True if a model of one of these tasks can train on it."""
        return self.task in tasks or (self.task == "any" and any(task_of(task).in_tables for task in tasks))

    def suits(self, model: ModelEntry) -> bool:
        """True if a model can train on it: it fits the task, and gives inputs that the model takes."""
        inputs = any(kinds.fits(model.takes, kind) for kind in self.gives) and not self.lacks_images(model)
        return inputs and self.fits(*model.tasks)

    def lacks_images(self, model: ModelEntry) -> bool:
        """True if the model needs images, and this is known to have none."""
        return model.needs_images and bool(self.input_shape) and len(self.input_shape) != 3

    def task_with(self, options: Mapping[str, Any], model: ModelEntry) -> str:
        """The task of a run of a model on it with these options."""
        usual = model.task if self.task == "any" else self.task
        return next((task for name, task in self.task_options.items() if options.get(name)), usual)

    @property
    def needs_path(self) -> bool:
        """True if a path has to be given: NAME:PATH."""
        return bool(self.takes) and not self.given

    @property
    def reference(self) -> str:
        """The name to give on a command line to select it again: its name, or NAME:PATH."""
        return self.name if self.plugin or not self.given else f"{self.name}:{self.given['path']}"


@dataclass(frozen=True)
class BackendEntry:
    """A framework. `version` is None when it is not installed in `python`; `problem` says why it cannot be used."""

    framework: str
    title: str
    package: str
    install: str
    python: str
    version: str | None
    problem: str
    source: Mapping[str, Any]
    options: tuple[str, ...] = ()
    """The shared hyperparameters and optimizers that it obeys beyond those that all backends do."""
    spread: str = ""
    """How it trains on several devices (`contract.ranks`); "" when it does not."""
    kinds: tuple[str, ...] = ()
    """The kinds of devices that it can train on; empty: all."""


@dataclass(frozen=True)
class ExporterEntry:
    """A figure or table; with `task` None it fits all tasks."""

    name: str
    kind: str
    suffix: str
    task: str | None
    source: Mapping[str, Any]


@dataclass(frozen=True)
class LauncherEntry:
    """A way to start runs; the fields are as in `contract.launchers`."""

    name: str
    summary: str
    fields: tuple[FieldSpec, ...]
    checks_more: bool
    source: Mapping[str, Any]
    flags: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    package: str = ""
    install: str = ""
    away: bool = True
    requeues: bool = False


@dataclass
class Catalog:
    """All items by name. `problems` are (plugin, reason) pairs in one line each."""

    models: dict[str, ModelEntry] = field(default_factory=dict)
    families: dict[str, FamilyEntry] = field(default_factory=dict)
    datasets: dict[str, DatasetEntry] = field(default_factory=dict)
    backends: dict[str, BackendEntry] = field(default_factory=dict)
    exporters: dict[str, ExporterEntry] = field(default_factory=dict)
    loggers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    launchers: dict[str, LauncherEntry] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    disabled: list[tuple[Source, str]] = field(default_factory=list)
    """The sources that are left out, with the reasons."""
    installed: dict[str, Installed] = field(default_factory=dict)
    """The packages and plugins of each interpreter."""

    def model(self, text: str) -> ModelEntry:
        """The model with this id, FAMILY:NAME included, or with a name that several frameworks share: then of an
        installed one, PyTorch first. Raises UsageError when there is none.
        """
        if text in self.models:
            return self.models[text]
        if ":" in text and text.partition(":")[0] in self.families:
            return self._member(text)
        twins = [entry for entry in self.models.values() if entry.name == text]
        if twins:
            return min(twins, key=lambda entry: (not entry.available, entry.framework != FAVORITE))
        names = [*self.models, *(entry.name for entry in self.models.values())]
        raise UsageError(self._unknown("model", text, [*names, *(f"{family}:NAME" for family in self.families)]))

    def known_model(self, text: str) -> ModelEntry | None:
        """The model that an earlier run names, also where the name of a family's member is not looked up; None where no
        plugin gives it any more.
        """
        family, colon, name = text.partition(":")
        if colon and family in self.families:
            known = kept_members(self.families[family])
            return self.families[family].member(next((m for m in known if m.name == name), MemberEntry(name)))
        return self.models.get(text)

    def all_fields(self) -> list[FieldSpec]:
        """The hyperparameters of all models, those of families included."""
        entries = [*self.models.values(), *(family.model for family in self.families.values())]
        return [spec for entry in entries for spec in entry.fields]

    def _member(self, text: str) -> ModelEntry:
        """The member of a family, FAMILY:NAME. Raises UsageError for a name that it does not have."""
        name = text.partition(":")[2]
        family = self.families[text.partition(":")[0]]
        if not family.model.available:
            return family.member(MemberEntry(name))
        known = {member.name: member for member in members(family)}
        if name in known:
            return family.member(known[name])
        hint = suggest(name, known, f"{family.name}:") or f"dltui models {family.name}: lists {len(known):,} of them"
        raise UsageError(f'no model "{clean_line(text, 60)}"; {hint}')

    def dataset(self, text: str) -> DatasetEntry:
        """The dataset of this name, or of NAME:PATH where a dataset takes a path. Raises UsageError when there
        is none.
        """
        if text in self.datasets:
            return self.datasets[text]
        name, colon, path = text.partition(":")
        if colon and name in self.datasets and self.datasets[name].takes:
            return at(self.datasets[name], path)
        raise UsageError(self._unknown("dataset", text, list(self.datasets)))

    def check_taken(self, files: Iterable[str], model: str, dataset: str | None) -> None:
        """Check that no given plugin file has a model or dataset that is meant, or a figure or table, whose name
        another plugin took first, which would be used silently. Raises UsageError.
        """
        meant = (f"model {model} is left out", f"dataset {dataset} is left out", "exporter ")
        for where, reason in self.problems_of(files):
            if reason.startswith(meant) and LEFT_OUT in reason:
                raise UsageError(f"{where}: {reason}; give it another name")

    def exporters_left_out(self) -> list[str]:
        """The figures and tables that are not drawn since another plugin took their name first, a line each."""
        problems = ((where, reason) for where, reason in self.problems if reason.startswith("exporter "))
        return [f"plugin {where}: {reason}; give it another name" for where, reason in problems if LEFT_OUT in reason]

    def problems_of(self, files: Iterable[str]) -> list[tuple[str, str]]:
        """What is wrong with these files, each with its name."""
        names = {name for file in files for name in (Path(file).name, absolute(file))}
        return [(where, reason) for where, reason in self.problems if where in names]

    def _unknown(self, kind: str, text: str, names: Sequence[str]) -> str:
        files = {source.name for source in self.sources if source.kind == "file"}
        broken = next((f"{name} could not be loaded: {reason}" for name, reason in self.problems if name in files), "")
        if broken:
            # The user's own file is a more probable meaning than a model of a similar name.
            return f'no {kind} "{clean_line(text, 60)}"; {broken}'
        hint = suggest(text, names) or (f"dltui {kind}s lists them" if names else "none is installed")
        if "did you mean" not in hint and self.problems:
            # What is missing may be what could not be loaded.
            hint += "; dltui plugins list says which plugins could not be loaded"
        return f'no {kind} "{clean_line(text, 60)}"; {hint}'


def at(entry: DatasetEntry, path: str) -> DatasetEntry:
    """The dataset entry with this path filled in. Raises UsageError for an empty path."""
    if not path.strip() or "\0" in path:
        raise UsageError(f"{entry.name}: needs a path: {entry.name}:PATH, PATH being a {entry.takes} of yours")
    return replace(entry, given={"path": path.strip() if entry.takes == "name" else absolute(path)})


def entry_of(text: str, catalog: Catalog) -> DatasetEntry:
    """The dataset of NAME:PATH, or of a bare path: a folder's images, a file's table. Raises UsageError."""
    name, colon, _ = text.partition(":")
    path = absolute(text)
    takes = "folder" if is_folder(path) else "file" if is_file(path) else ""
    bare = next((entry for entry in catalog.datasets.values() if entry.needs_path and entry.takes == takes), None)
    if bare is not None and not (colon and name in catalog.datasets):
        return at(bare, text)
    entry = catalog.datasets.get(name) if colon else None
    if entry is None or not entry.takes:
        raise UsageError(f"{clean_line(text, 100)} is not a path; use folder:PATH or csv:PATH")
    return catalog.dataset(text)


def asked_for(run: Mapping[str, Any], catalog: Catalog) -> DatasetEntry | None:
    """The dataset of an earlier run; None where no plugin gives it any more."""
    entry = catalog.datasets.get(str(run.get("dataset")))
    plugin = catalog.datasets.get(str(run.get("dataset_plugin")))
    path = (run.get("dataset_options") or {}).get("path")
    return at(plugin, str(path)) if entry is None and plugin is not None and plugin.takes and path else entry


def title(dataset: DatasetEntry, options: Mapping[str, Any]) -> str:
    """The name of a run's data: the user's own name for it, or the plugin and the last part of the path."""
    if dataset.plugin or not dataset.takes:
        return dataset.name
    return f"{dataset.name}:{clean_line(Path(str(options.get('path', ''))).name, 60)}"
