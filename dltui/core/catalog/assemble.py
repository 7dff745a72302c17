"""Puts the catalog together from the answers of all interpreters' plugin sources."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dltui.core import ownership, paths
from dltui.core.catalog import disabled, named_data, probe
from dltui.core.catalog.entries import (
    FAVORITE,
    LEFT_OUT,
    BackendEntry,
    Catalog,
    DatasetEntry,
    ExporterEntry,
    LauncherEntry,
    ModelEntry,
)
from dltui.core.catalog.fields import FieldSpec, offered
from dltui.core.catalog.models.families import FamilyEntry
from dltui.core.catalog.sources import Installed, Source, at, digest, file_sources, local_origin
from dltui.core.errors import UsageError
from dltui.core.settings import Settings, load_settings
from dltui.core.text import suggest

Record = dict[str, Any]


Records = dict[str, Record]


def assemble(files: Sequence[Path], refresh: bool, seconds: float | None, kept_only: bool = False) -> Catalog:
    """Build the catalog; see `load_catalog`."""
    for file in files:
        if not paths.expanded(file).is_file():
            raise UsageError(f"no plugin file {file}")
    _check_owners(files)
    settings = load_settings()
    here = probe.installed(sys.executable)
    catalog = Catalog(installed={here.python: here})
    for python in settings.interpreters.values():
        if python not in catalog.installed:
            catalog.installed[python] = probe.installed(python, kept_only)
    own, refused = _folder_files()
    catalog.problems += refused
    singles = file_sources([*own, *map(paths.expanded, files)], here)
    seconds = probe.plugin_seconds() if seconds is None else seconds
    given = {os.path.abspath(paths.expanded(file)) for file in files}  # noqa: PTH100 - as sources know them
    found = [*here.sources, *_elsewhere(catalog.installed, here), *singles]
    catalog.sources, catalog.disabled = disabled.split_disabled(found, settings, given)
    ask = partial(probe.records, refresh=refresh, seconds=seconds, kept_only=kept_only, given=given)
    _Assembly(catalog, settings, ask).run()
    return catalog


def _check_owners(files: Sequence[Path]) -> None:
    """Check that no other user may change this user's home or a given plugin file. Raises UsageError."""
    refusals = (ownership.code_refusal(Path(paths.absolute(str(file)))) for file in files)
    problem = ownership.refusal(paths.home()) or next(filter(None, refusals), "")
    if problem:
        raise UsageError(problem)


class _Assembly:
    """Collects the items of all sources; the first source that gives an id wins."""

    def __init__(self, catalog: Catalog, settings: Settings, ask: Callable[[Sequence[Source]], Records]) -> None:
        self.catalog = catalog
        self.settings = settings
        self.ask = ask

    def run(self) -> None:
        records = self.ask(self.catalog.sources)
        found = [(source, records[source.digest]) for source in self.catalog.sources]
        # Backends first: they say what the models of every source need.
        for source, record in found:
            self._add_all(source, record, "backends", _backend_key, self._backend, self.catalog.backends)
        found = self._with_their_frameworks(found)
        for source, record in found:
            self._add_all(source, record, "models", _model_key, self._model, self.catalog.models)
            self._add_all(source, record, "families", _name_key, self._family, self.catalog.families)
            self._add_all(source, record, "datasets", _name_key, _dataset, self.catalog.datasets)
            self._add_all(source, record, "exporters", _name_key, _exporter, self.catalog.exporters)
            self._add_all(source, record, "loggers", _name_key, _logger, self.catalog.loggers)
            self._add_all(source, record, "launchers", _name_key, _launcher, self.catalog.launchers)
            self._note_errors(source, record)
        self.catalog.sources = [source for source, _ in found]
        models = self.catalog.models
        self.catalog.models = dict(sorted(models.items(), key=lambda item: item[1].framework != FAVORITE))
        named_data.add_named(self.catalog)

    def _with_their_frameworks(self, found: list[tuple[Source, Record]]) -> list[tuple[Source, Record]]:
        """Ask another interpreter about a plugin that imports what only that interpreter has."""
        others = {position: self._other(source, record) for position, (source, record) in enumerate(found)}
        moved = {position: at(found[position][0], python) for position, python in others.items() if python}
        if not moved:
            return found
        records = self.ask(list(moved.values()))
        told = {i: (source, records[source.digest]) for i, source in moved.items()}
        return [told[i] if i in told and _is_better(told[i][1], entry[1]) else entry for i, entry in enumerate(found)]

    def _other(self, source: Source, record: Record) -> str:
        """The interpreter that has what made loading fail by its absence: a framework, or for a file all the modules,
        as those that go with a framework may be imported before it, and any of them where nothing of it works here; ""
        where there is none.
        """
        names = {error[2] for error in _errors(record) if error[2]}
        backends = [entry for entry in self.catalog.backends.values() if entry.version is not None]
        fitting = [entry.python for entry in backends if entry.package in names]
        if source.kind == "file" and names:
            for enough in (all,) if _works(record) else (all, any):
                fitting += [one.python for one in self.catalog.installed.values() if enough(map(one.has_module, names))]
        return next((python for python in fitting if python != source.python), "")

    def _note_errors(self, source: Source, record: Record) -> None:
        for where, reason, missing in _errors(record):
            backend = next((entry for entry in self.catalog.backends.values() if entry.package == missing), None)
            if backend is not None:
                reason = f"needs {backend.title}: {backend.install}"
            prefix = f"{where}: " if where and where != source.name else ""
            self._problem(source, prefix + reason)

    def _add_all(
        self,
        source: Source,
        record: Record,
        kind: str,
        key: Callable[[Record], str],
        make: Callable[[Source, Record], Any],
        into: dict[str, Any],
    ) -> None:
        for item in record.get(kind, ()):
            try:
                name, entry = key(item), make(source, item)
            except (KeyError, TypeError, ValueError) as error:
                self._problem(source, f"its answer cannot be read ({type(error).__name__} in {kind})")
                continue
            if name not in into:
                into[name] = entry
            else:
                other = dict(getattr(into[name], "source", into[name])).get("name")
                self._problem(source, f"{kind.removesuffix('s')} {name}{LEFT_OUT}{other} has it already")

    def _problem(self, source: Source, reason: str) -> None:
        self.catalog.problems.append((source.name, reason))

    def _backend(self, source: Source, item: Record) -> BackendEntry:
        python = self.settings.interpreter(item["framework"])
        installed = self.catalog.installed.get(python) or probe.installed(python)
        return BackendEntry(
            framework=item["framework"],
            title=item["title"],
            package=item["package"],
            install=item["install"],
            python=python,
            version=installed.version(item["package"]),
            problem=installed.problem,
            source=_origin(replace(source, python=python), item),
            options=tuple(str(name) for name in item.get("options", ())),
            spread=str(item.get("spread", "")),
            kinds=tuple(str(name) for name in item.get("kinds", ())),
        )

    def _model(self, source: Source, item: Record) -> ModelEntry:
        backend = self.catalog.backends.get(item["framework"])
        reason = self._why_not(source, item, backend)
        return ModelEntry(
            id=item["id"],
            name=item["name"],
            framework=item["framework"],
            task=item["task"],
            summary=item["summary"],
            fields=offered(_fields(item), backend.options if backend else ()),
            checks_more=bool(item["checks_more"]),
            source=_origin(replace(source, python=backend.python) if backend else source, item),
            available=not reason,
            reason=reason,
            needs_images=bool(item.get("needs_images")),
            also=tuple(str(task) for task in item.get("also", ())),
            own_metrics=bool(item.get("own_metrics")),
            image_size=int(item.get("image_size", 0)),
            takes=tuple(str(kind) for kind in item.get("takes", ("single",))),
        )

    def _family(self, source: Source, item: Record) -> FamilyEntry:
        model = self._model(source, item)
        installed = self.catalog.installed.get(str(model.source["python"]))
        packages = sorted(installed.packages.items()) if installed else []
        return FamilyEntry(item["name"], model, digest(["members", item["name"], model.source, packages]))

    def _why_not(self, source: Source, item: Record, backend: BackendEntry | None) -> str:
        """The reason why this model of this source cannot be trained here; "" when it can."""
        if backend is None:
            known = ", ".join(self.catalog.backends) or "none"
            hint = suggest(item["framework"], self.catalog.backends) or f"there are {known}"
            return f'no plugin brings the framework "{item["framework"]}"; {hint}'
        if backend.problem:
            return backend.problem
        if backend.version is None:
            where = "" if backend.python == sys.executable else f" in {backend.python}"
            return f"needs {backend.title}{where}: {backend.install}"
        return missing_plugin(source.to_json(), backend.python, self.catalog) or self._lacking(item, backend.python)

    def _lacking(self, item: Record, python: str) -> str:
        """The install command for a distribution that the model needs beside its framework; "" when none is missing."""
        installed = self.catalog.installed.get(python)
        missing = [str(name) for name in item.get("requires", ()) if installed and installed.version(str(name)) is None]
        command = "pip" if python == sys.executable else f"{shlex.quote(python)} -m pip"
        return f"needs {' and '.join(missing)}: {command} install {' '.join(missing)}" if missing else ""


def missing_plugin(source: Mapping[str, Any], python: str, catalog: Catalog) -> str:
    """The install command for a plugin missing in the interpreter that has to load it; "" when it is installed."""
    installed = catalog.installed.get(python)
    if source["kind"] == "file" or installed is None or any(s.name == source["name"] for s in installed.sources):
        return ""
    here = catalog.installed.get(str(source.get("python")))
    wanted = (here and local_origin(str(source["name"]), here)) or source["name"]
    return f"{source['name']} is not installed in {python}; run: {shlex.quote(python)} -m pip install {wanted}"


def _elsewhere(installed: Mapping[str, Installed], here: Installed) -> list[Source]:
    """The plugins that only another interpreter has."""
    known = {source.name for source in here.sources}
    found = []
    for other in installed.values():
        for source in other.sources:
            if source.name not in known:
                known.add(source.name)
                found.append(source)
    return found


def _folder_files() -> tuple[list[Path], list[tuple[str, str]]]:
    """The files of the plugins folder; and which are left out because others may change them, with the reason."""
    folder = paths.plugins_dir()
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return [], []
    files = [folder / name for name in names if name.endswith(".py") and name[0] not in "._"]
    problem = ownership.refusal(folder.parent) or ownership.refusal(folder)
    if problem:
        return [], [("plugins folder", problem)]
    reasons = {file: ownership.refusal(file) for file in files}
    left_out = [(file.name, reason) for file, reason in reasons.items() if reason]
    return [file for file in files if not reasons[file]], left_out


def _errors(record: Record) -> Iterable[tuple[str, str, str]]:
    for error in record.get("errors", ()):
        if isinstance(error, list) and len(error) == 3 and all(isinstance(text, str) for text in error):
            yield error[0], error[1], error[2]


def _works(record: Record) -> bool:
    return any(record.get(kind) for kind in probe.KINDS)


def _is_better(record: Record, before: Record) -> bool:
    """True if the answer of another interpreter is to be taken: less of the plugin fails there, or nothing worked
    before, and what it says leads further.
    """
    return not _works(before) or len(record.get("errors", ())) < len(before.get("errors", ()))


def _origin(source: Source, item: Record) -> Record:
    """The source restricted to the entry points that gave this item, as JSON values."""
    points = tuple((str(name), str(value)) for name, value in item.get("entry_points") or ())
    return replace(source, entry_points=points).to_json()


def _fields(item: Record) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec.from_json(record) for record in item["fields"])


def _backend_key(item: Record) -> str:
    return str(item["framework"])


def _model_key(item: Record) -> str:
    return str(item["id"])


def _name_key(item: Record) -> str:
    return str(item["name"])


def _dataset(source: Source, item: Record) -> DatasetEntry:
    return DatasetEntry(
        name=item["name"],
        task=item["task"],
        summary=item["summary"],
        fields=_fields(item),
        checks_more=bool(item["checks_more"]),
        source=_origin(source, item),
        input_shape=tuple(int(size) for size in item["input_shape"]),
        classes=int(item["classes"]),
        train_size=int(item["train_size"]),
        test_size=int(item["test_size"]),
        download_bytes=int(item["download_bytes"]),
        embedded=bool(item["embedded"]),
        homepage=str(item["homepage"]),
        files=tuple(str(name) for name in item["files"]),
        file_sizes=tuple(int(size) for size in item.get("file_sizes", ())),
        urls=tuple(str(url) for url in item["urls"]),
        takes=str(item.get("takes", "")),
        previews=bool(item.get("previews", False)),
        task_options={str(name): str(task) for name, task in item.get("task_options", {}).items()},
        gives=tuple(str(kind) for kind in item.get("gives", ("single",))),
    )


def _exporter(source: Source, item: Record) -> ExporterEntry:
    return ExporterEntry(item["name"], item["kind"], item["suffix"], item["task"], _origin(source, item))


def _logger(source: Source, item: Record) -> Record:
    about = {"logger": item["name"], "summary": item["summary"]}
    return {**_origin(source, item), **about, "package": item["package"], "install": item["install"]}


def _launcher(source: Source, item: Record) -> LauncherEntry:
    return LauncherEntry(
        name=item["name"],
        summary=item["summary"],
        fields=_fields(item),
        checks_more=bool(item["checks_more"]),
        source=_origin(source, item),
        flags=tuple(str(name) for name in item["flags"]),
        programs=tuple(str(name) for name in item["programs"]),
        package=str(item["package"]),
        install=str(item["install"]),
        away=bool(item["away"]),
        requeues=bool(item["requeues"]),
    )


def load_catalog(
    plugins: Sequence[Path | str] = (), refresh: bool = False, seconds: float | None = None, kept_only: bool = False
) -> Catalog:
    """The catalog of all plugins: installed plugins, those in the plugins folder, and the given files.

    Kept answers are used unless something has changed or `refresh` is asked for; a plugin gets `seconds` to load. With
    `kept_only` no process is started, and sources without a kept answer are left out. Raises UsageError when a given
    file does not exist or the settings cannot be read.
    """

    return assemble([Path(path) for path in plugins], refresh, seconds, kept_only)
