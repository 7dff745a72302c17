"""Completes a path while it is typed, as a shell does."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

from dltui.core import paths

MOST = 5_000
"""Entries of a folder that are looked at: a key must not wait for a huge one."""


def completed(text: str) -> str:
    """The text with as many letters more as there is no doubt about; as it is where there are none. `folder:` or `csv:`
    before the path stays."""
    plugin, _, path = text.rpartition(":")
    folder, name = os.path.split(path)
    found = sorted(_entries(paths.expanded(folder or "."), name, only_folders=plugin == "folder"))
    common = "".join(letters[0] for letters in takewhile(lambda each: len(set(each)) == 1, zip(*found, strict=False)))
    if len(found) > 1:
        # Whether a folder ends here is not known yet.
        common = common.rstrip("/")
    return text.removesuffix(name) + common if len(common) > len(name) else text


def _entries(folder: Path, beginning: str, only_folders: bool) -> list[str]:
    """Names in a folder that begin so, folders with a slash; hidden ones only when asked for."""
    found: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST:
                    break
                hidden = entry.name.startswith(".") and not beginning.startswith(".")
                if hidden or not entry.name.startswith(beginning) or not entry.name.isprintable():
                    continue
                if entry.is_dir():
                    found.append(f"{entry.name}/")
                elif not only_folders:
                    found.append(entry.name)
    except OSError:
        return []
    return found
