"""Checks what works on this machine, check by check, with framework code in processes of its own."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from dltui.core import fs, ownership, paths
from dltui.core.errors import DltuiError, UsageError
from dltui.core.machine import nvidia, repairs
from dltui.core.text import clean_line
from dltui.core.version import __version__

if TYPE_CHECKING:
    from dltui.core.catalog.entries import BackendEntry, Catalog
    from dltui.core.catalog.sources import Installed

T = TypeVar("T")
State = Literal["ok", "bad", "absent"]
GPU_FRAMEWORKS = ("torch", "tensorflow")
"""The frameworks that are expected to use an existing GPU."""
COMPANIONS = {"torch": ("torchvision",)}
"""Packages that must fit the framework they are installed beside."""


@dataclass(frozen=True)
class Check:
    """The result of a check: `state` is "bad" for an installed part that does not work, "absent" for a part that is not
    installed.
    """

    what: str
    state: State
    text: str


def checks() -> Iterator[Check]:
    """Yield the result of each check as soon as it is known."""
    yield Check("dltui", "ok", f"{__version__}, Python {platform.python_version()} ({sys.executable})")
    yield from _folders()
    catalog = None
    try:
        from dltui.core.catalog.assemble import load_catalog

        catalog = load_catalog(refresh=True)
    except UsageError as error:
        yield Check("settings", "bad", str(error))
    else:
        yield from _settings(catalog)
        yield from _interpreters(catalog)
        for backend in catalog.backends.values():
            yield from _framework(backend, catalog)
        for name, why in catalog.problems:
            yield Check(f"plugin {name}", "bad", _repaired(why, sys.executable, catalog))
        yield from _launchers(catalog)
        yield from _data(catalog)
    yield from _devices(catalog)


def _folders() -> Iterator[Check]:
    problem = ownership.refusal(paths.home())
    if problem:
        yield Check("home", "bad", problem)
    for what, folder in (("runs", paths.runs_dir()), ("cache", paths.cache_dir())):
        try:
            paths.ensure_private_dir(folder)
            free = fs.free_bytes(Path(folder))
            room = f"{free / 1e9:,.0f} GB free" if free < fs.NO_LIMIT else "its disk tells of no size"
            yield Check(what, "ok", f"{clean_line(folder)}, {room}")
        except (DltuiError, OSError) as error:
            yield Check(what, "bad", clean_line(error))


def _settings(catalog: Catalog) -> Iterator[Check]:
    """Try every model's settings, so that a wrong setting is found before a training needs it."""
    from dltui.core.analysis import cost
    from dltui.core.lifecycle.forms.presets import load_presets

    try:
        presets = load_presets()
    except UsageError as error:
        yield Check("settings", "bad", str(error))
        return
    problems: dict[str, None] = {}
    for model in (*catalog.models.values(), *(family.model for family in catalog.families.values())):
        try:
            presets.of(model, catalog)
        except UsageError as error:
            problems[str(error)] = None
    yield from (Check("settings", "bad", text) for text in problems)
    names = {name for model in catalog.models.values() for name in (model.id, model.name)}
    for file, table in presets.files:
        for name in (
            name for name, value in table.items() if isinstance(value, dict) and not _is_model(name, names, catalog)
        ):
            text = f"{file} [train.{clean_line(name, 60)}]: no such model; {_hint(name, names)}"
            yield Check("settings", "absent", text)
    wrong_prices = cost.own_prices().problem
    if wrong_prices:
        yield Check("settings", "bad", wrong_prices)
    if presets.files and not (problems or wrong_prices):
        yield Check("settings", "ok", ", ".join(name for name, _ in presets.files))


def _is_model(name: str, names: Collection[str], catalog: Catalog) -> bool:
    return name in names or name.partition(":")[0] in catalog.families


def _hint(name: str, names: Iterable[str]) -> str:
    from dltui.core.text import suggest

    return suggest(name, names) or "dltui models lists them"


def _interpreters(catalog: Catalog) -> Iterator[Check]:
    """Check the interpreters of the settings file; the running interpreter is checked elsewhere."""
    from dltui.core.catalog import questions as ask

    for python, installed in catalog.installed.items():
        if python == sys.executable:
            continue
        what = f"interpreter {clean_line(python)}"
        if installed.problem:
            yield Check(what, "bad", installed.problem)
            continue
        found = _attempt(partial(ask.importing, python, "dltui"), installed)
        if isinstance(found, str):
            yield Check(what, "bad", found)
        elif found["version"] != __version__:
            yield Check(what, "bad", f"has dltui {found['version']}, this is {__version__}; install the same in both")
        else:
            yield Check(what, "ok", f"Python {found['python']}, dltui {found['version']}")


def _framework(backend: BackendEntry, catalog: Catalog) -> Iterator[Check]:
    """Check a framework by importing it where it is installed: a version number alone proves nothing."""
    from dltui.core.catalog import questions as ask

    installed = catalog.installed[backend.python]
    if backend.problem or backend.version is None:
        state: State = "bad" if backend.problem else "absent"
        yield Check(backend.title, state, backend.problem or f"not installed: {backend.install}")
        return
    devices = _attempt(partial(ask.framework_devices, backend), installed)
    where = f"{backend.version} ({clean_line(backend.python)})"
    if isinstance(devices, str):
        yield Check(backend.title, "bad", f"{where}: {devices}")
        return
    bad = [f"{device['device']}: {device['problem']}" for device in devices if device.get("problem")]
    bad = [_repaired(line, backend.python, catalog) for line in bad]
    names = [str(device["device"]) for device in devices if not device.get("problem")]
    if not bad and backend.framework in GPU_FRAMEWORKS and not any(name.startswith("cuda") for name in names):
        bad = _unseen(backend, installed)
    text = f"{where}, uses {', '.join(names) or 'nothing'}"
    yield Check(backend.title, "bad" if bad else "ok", "; ".join([text, *(clean_line(line) for line in bad)]))
    for package in COMPANIONS.get(backend.framework, ()):
        if package in installed.packages:
            yield _companion(package, installed)


def _unseen(backend: BackendEntry, installed: Installed) -> list[str]:
    """A line about a working GPU that this framework does not see, with the repair; empty when there is no such GPU."""
    from dltui.core.machine.devices import list_devices

    gpu = next((device for device in list_devices() if device.kind == "cuda" and not device.problem), None)
    if gpu is None:
        return []
    advice = repairs.unseen_gpu(backend.framework, backend.python, backend.version or "", installed.packages)
    return [f"does not see {gpu.title}: {advice}"]


def _companion(package: str, installed: Installed) -> Check:
    from dltui.core.catalog import questions as ask

    found = _attempt(partial(ask.importing, installed.python, package), installed)
    if isinstance(found, str):
        return Check(package, "bad", found)
    return Check(package, "ok", f"{installed.packages[package]}, fits")


def _attempt(ask: Callable[[], T], installed: Installed) -> T | str:
    """The answer, or the reason why there is none with the remedy."""
    try:
        return ask()
    except UsageError as error:
        advice = repairs.remedy(str(error), installed.python, installed.packages)
        return f"{error}; {advice}" if advice else str(error)


def _repaired(why: str, python: str, catalog: Catalog) -> str:
    advice = repairs.remedy(why, python, catalog.installed[python].packages)
    return f"{why}; {advice}" if advice else why


def _launchers(catalog: Catalog) -> Iterator[Check]:
    from dltui.core.lifecycle.launch import launching

    for entry in catalog.launchers.values():
        problem = launching.problem(entry, catalog)
        yield Check(f"launcher {entry.name}", "absent" if problem else "ok", problem or clean_line(entry.summary))


def _data(catalog: Catalog) -> Iterator[Check]:
    from dltui.core.data.search import presence

    for entry in catalog.datasets.values():
        if entry.needs_path:
            continue
        found = presence(entry)
        text = f"here, in {clean_line(found.folder)}" if found.folder else found.text
        yield Check(f"data {entry.name}", "ok" if found.here else "absent", text)
    for folder in filter(None, os.environ.get("DLTUI_DATA", "").split(os.pathsep)):
        if not paths.expanded(folder).is_dir():
            yield Check("DLTUI_DATA", "bad", f"{clean_line(folder)} is not a folder")


def _devices(catalog: Catalog | None) -> Iterator[Check]:
    from dltui.core.catalog.framework_devices import list_devices

    for device in list_devices(catalog):
        yield Check(device.name, "bad" if device.problem else "ok", clean_line(device.problem or device.title))
    numbering = nvidia.numbering()
    if numbering:
        yield Check("CUDA_VISIBLE_DEVICES", "ok", numbering)
