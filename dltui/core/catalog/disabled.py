"""Decides which plugins are left out: those that the user disabled by name, or all that do not ship with dltui."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from dltui.core import paths
from dltui.core.catalog.sources import FIRST, Source
from dltui.core.errors import UsageError
from dltui.core.settings import Settings

VARIABLE = "DLTUI_THIRD_PARTY"
"""0 leaves out every plugin that does not ship in the box, for this process and those that it starts."""


def file() -> Path:
    """The file of disabled plugins, separate from the user's settings, whose comments a rewrite would lose."""
    return paths.config_file().parent / "disabled-plugins.json"


def names() -> set[str]:
    """The plugins that were disabled by name. Raises UsageError when the list cannot be read."""
    try:
        found = json.loads(file().read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {file()}: {error}; remove it to enable all plugins") from None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise UsageError(f"{file()} is not a list of plugin names; remove it to enable all plugins")
    return set(found)


def change(name: str, disable: bool) -> bool:
    """Disable or enable a plugin; False when it was so already. Raises UsageError for plugins that ship with dltui."""
    from dltui.core import fs

    if name == FIRST:
        raise UsageError(f"{FIRST} ships in the box and cannot be disabled")
    known = names()
    if (name in known) == disable:
        return False
    known = known | {name} if disable else known - {name}
    try:
        paths.ensure_private_dir(file().parent)
        fs.write_atomic(file(), json.dumps(sorted(known)).encode())
    except OSError as error:
        raise UsageError(f"cannot write {file()}: {error.strerror}") from None
    return True


def third_party(settings: Settings) -> bool:
    """True if plugins that do not ship with dltui are loaded: the variable decides, else `[plugins] third_party`.
    Raises UsageError for a setting that is no boolean.
    """
    said = os.environ.get(VARIABLE)
    if said is not None:
        return said.strip().lower() not in ("0", "false", "no", "off")
    table = settings.tables.get("plugins", {})
    wanted = table.get("third_party", True) if isinstance(table, dict) else None
    if not isinstance(wanted, bool):
        raise UsageError(f"{paths.config_file()}: [plugins] third_party must be true or false")
    return wanted


def split_disabled(
    sources: Iterable[Source], settings: Settings, given: Iterable[str]
) -> tuple[list[Source], list[tuple[Source, str]]]:
    """The sources that are used, and the others with the reason. A file named on the command line is always used."""
    by_name, others, asked = names(), third_party(settings), set(given)
    kept, out = [], []
    for source in sources:
        if source.path in asked or source.name == FIRST:
            kept.append(source)
        elif source.name in by_name:
            out.append((source, f"disabled; dltui plugins enable {source.name}"))
        elif not others:
            out.append((source, "third-party plugins are ignored"))
        else:
            kept.append(source)
    return kept, out
