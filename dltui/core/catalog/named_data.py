"""Somebody's own data: named paths, kept in the settings folder, and its preparation before there is a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.catalog.fields import renewed
from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry


FILE = "datasets.toml"


def named_file() -> Path:
    return paths.config_file().parent / FILE


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
            given = {"path": record["path"], **renewed(entry.fields, record["options"])}
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
    from dltui.core.catalog.describe import NAME

    if not NAME.fullmatch(name):
        raise UsageError(
            f"{clean_line(repr(name), 60)} is not a valid name; up to 64 of a-z, 0-9, dot, dash and underscore are"
        )
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
