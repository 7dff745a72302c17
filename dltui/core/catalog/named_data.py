"""The user's own data: named paths, kept in the settings folder, and its preparation before there is a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.catalog.fields import renewed
from dltui.core.errors import UsageError
from dltui.core.settings import change_tables, read_tables
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
    """The named paths: name -> {"plugin", "path", "options"}. Raises UsageError when the file is invalid."""
    named = {}
    for name, table in sorted((read_tables(named_file()) or {}).items()):
        if not isinstance(table, dict) or not all(isinstance(table.get(key), str) for key in ("plugin", "path")):
            raise UsageError(f"{named_file()}: [{clean_line(name, 40)}] needs plugin and path")
        options = {key: value for key, value in table.items() if key not in ("plugin", "path")}
        named[name] = {"plugin": table["plugin"], "path": table["path"], "options": options}
    return named


def add(name: str, entry: DatasetEntry, options: Mapping[str, Any], catalog: Catalog) -> None:
    """Give a path a name. Raises UsageError when the name is taken or invalid."""
    from dltui.core.catalog.describe import NAME

    if not NAME.fullmatch(name):
        raise UsageError(
            f"{clean_line(repr(name), 60)} is not a valid name; up to 64 of a-z, 0-9, dot, dash and underscore are"
        )
    if name in catalog.datasets:
        raise UsageError(f"there is a dataset {name} already; choose another name, or: dltui datasets remove {name}")
    read_named()
    record = {"plugin": entry.name, "path": entry.given["path"], **options}
    change_tables(named_file(), lambda document: document.update({name: record}))


def remove(name: str) -> str:
    """Forget a name; the data stays. Returns its path. Raises UsageError when there is no such name."""
    named = read_named()
    if name not in named:
        known = ", ".join(named) or "none"
        raise UsageError(f"no dataset of yours is called {clean_line(name, 60)}; there is {known}")
    change_tables(named_file(), lambda document: document.remove(name))
    return str(named[name]["path"])
