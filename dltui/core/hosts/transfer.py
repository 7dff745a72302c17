"""Copies a file of another host over a link, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.hosts import files, wire
from dltui.core.hosts.link import HostError, Link

TRIES = 3
"""So often a file is begun that is written anew while it is copied."""


def fetch(
    link: Link, target: Path, most: int = files.MOST_LARGE, leaves: Callable[[], bool] = lambda: False, **question: Any
) -> bool:
    """Copy a file of another host, which keeps its old or gets its new content. False where it is left as it was:
    because `leaves`, which is asked after each piece, says so, or because it is written anew faster than it comes.
    Raises DltuiError or OSError.
    """
    temp = fs.temp_name(target)
    at, stamp, tries = 0, None, 0
    try:
        with temp.open("xb") as file:
            while True:
                found = link.ask(at=at, **question)
                data = wire.from_json(found)
                if stamp not in (None, found.get("stamp")):
                    # It was written anew meanwhile.
                    at, stamp, tries = 0, None, tries + 1
                    file.truncate(file.seek(0))
                    if tries == TRIES:
                        return False
                    continue
                stamp = found.get("stamp")
                if not data:
                    break
                at += file.write(data)
                if at > most:
                    raise HostError(f"{target.name} has more than {most:,} bytes")
                if leaves():
                    return False
        fs.FS.rename(temp, target)
        return True
    finally:
        temp.unlink(missing_ok=True)
