"""Somebody's own data: named paths, kept in the settings folder, and its preparation before there is a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.errors import DltuiError, UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog, DatasetEntry

FILE = "datasets.toml"


def named_file() -> Path:
    return paths.config_file().parent / FILE


def at(entry: DatasetEntry, path: str) -> DatasetEntry:
    """A dataset that takes a path, with this one. Raises UsageError for an empty path."""
    if not path.strip() or "\0" in path:
        raise UsageError(f"{entry.name}: needs a path: {entry.name}:PATH, PATH being a {entry.takes} of yours")
    return replace(entry, given={"path": absolute(path)})


def entry_of(text: str, catalog: Catalog) -> DatasetEntry:
    """The dataset of NAME:PATH, or of a bare path: a folder's images, a file's table. Raises UsageError."""
    name, colon, _ = text.partition(":")
    takes = "folder" if Path(absolute(text)).is_dir() else "file" if Path(absolute(text)).is_file() else ""
    bare = next((entry for entry in catalog.datasets.values() if entry.needs_path and entry.takes == takes), None)
    if bare is not None and not (colon and name in catalog.datasets):
        return at(bare, text)
    entry = catalog.datasets.get(name) if colon else None
    if entry is None or not entry.takes:
        raise UsageError(f"{clean_line(text, 100)} is no path of yours; say folder:PATH or csv:PATH")
    return catalog.dataset(text)


def asked_for(run: Mapping[str, Any], catalog: Catalog) -> DatasetEntry | None:
    """The dataset of a run, to be trained on again; None where nothing brings it any more."""
    entry = catalog.datasets.get(str(run.get("dataset")))
    plugin = catalog.datasets.get(str(run.get("dataset_plugin")))
    path = (run.get("dataset_options") or {}).get("path")
    return at(plugin, str(path)) if entry is None and plugin is not None and plugin.takes and path else entry


def title(dataset: DatasetEntry, options: Mapping[str, Any]) -> str:
    """What a run calls its data: the name that somebody gave it, or the plugin and the last part of the path."""
    if dataset.plugin or not dataset.takes:
        return dataset.name
    return f"{dataset.name}:{clean_line(Path(str(options.get('path', ''))).name, 60)}"


def prepare_first(
    dataset: DatasetEntry,
    origins: Mapping[str, Any],
    options: Mapping[str, Any],
    images: Mapping[str, str],
    tell: Callable[[str], None],
) -> None:
    """Prepare data at a path that a run is about to name; the worker finds it prepared. `images` is what needs them, as
    for `check_images`. Raises UsageError with what is wrong, and then no run is left."""
    if not dataset.takes:
        return
    from dltui.core.preparation import Preparation

    if not options.get("path"):
        name = origins["dataset_plugin"]
        raise UsageError(f"dataset {name} needs a path: --dataset {name}:PATH")
    asked = {**origins, "dataset_options": dict(options)}
    preparation = Preparation.before_run(asked, str(origins["python"]))
    try:
        data = preparation.data(tell)
    except DltuiError as error:
        raise UsageError(str(error)) from None
    except BaseException:
        preparation.cancel()
        preparation.wait()
        raise
    check_images(images, str(origins["dataset"]), data.spec.is_image)


def check_images(reasons: Mapping[str, str], dataset: str, there: bool) -> None:
    """`reasons` says what needs images and what to do without them. Raises UsageError for the first when the dataset
    has none."""
    for what, remedy in reasons.items():
        if not there:
            raise UsageError(f"{what} needs images, dataset {clean_line(dataset, 100)} has none; {remedy}")


def add_named(catalog: Catalog) -> None:
    """The named paths as datasets; a file that cannot be read and a name that is taken become problems."""
    try:
        named = read_named()
    except UsageError as error:
        catalog.problems.append((FILE, str(error)))
        return
    for name, record in named.items():
        entry = catalog.datasets.get(record["plugin"])
        if entry is not None and name not in catalog.datasets:
            given = {"path": record["path"], **record["options"]}
            summary = f"yours: {record['path']}"
            catalog.datasets[name] = replace(entry, name=name, plugin=entry.name, given=given, summary=summary)


def read_named() -> dict[str, dict[str, Any]]:
    """Name -> {"plugin", "path", "options"}. Raises UsageError when the file is no good."""
    from dltui.core.settings import read_tables

    named = {}
    for name, table in (read_tables(named_file()) or {}).items():
        if not isinstance(table, dict) or not all(isinstance(table.get(key), str) for key in ("plugin", "path")):
            raise UsageError(f"{named_file()}: [{clean_line(name, 40)}] needs plugin and path")
        options = {key: value for key, value in table.items() if key not in ("plugin", "path")}
        named[name] = {"plugin": table["plugin"], "path": table["path"], "options": options}
    return named


def add(name: str, entry: DatasetEntry, options: Mapping[str, Any], catalog: Catalog) -> None:
    """Give a path a name. Raises UsageError when the name is taken or is none."""
    from dltui.core.describe import NAME

    if not NAME.fullmatch(name):
        raise UsageError(f"{clean_line(repr(name), 60)} is no name; up to 64 of a-z, 0-9, dot, dash and underscore are")
    if name in catalog.datasets:
        raise UsageError(f"there is a dataset {name} already; choose another name, or: dltui datasets remove {name}")
    _write(read_named() | {name: {"plugin": entry.name, "path": entry.given["path"], "options": dict(options)}})


def remove(name: str) -> str:
    """Forget a name; the data stays. Returns its path. Raises UsageError when there is no such name."""
    named = read_named()
    if name not in named:
        known = ", ".join(named) or "none"
        raise UsageError(f"no dataset of yours is called {clean_line(name, 60)}; there is {known}")
    path = str(named.pop(name)["path"])
    _write(named)
    return path


def _write(named: Mapping[str, Mapping[str, Any]]) -> None:
    import tomli_w

    from dltui.core import fs

    tables = {name: {"plugin": r["plugin"], "path": r["path"], **r["options"]} for name, r in sorted(named.items())}
    paths.ensure_private_dir(named_file().parent)
    fs.write_atomic(named_file(), tomli_w.dumps(tables).encode())


def absolute(text: str) -> str:
    """A path without following links, as the user knows it. Raises UsageError when there is no folder to be relative
    to."""
    try:
        return os.path.abspath(os.path.expanduser(text.strip()))  # noqa: PTH100, PTH111
    except OSError as error:
        raise UsageError(f"cannot find {clean_line(text, 100)}: the working directory is gone ({error})") from None
