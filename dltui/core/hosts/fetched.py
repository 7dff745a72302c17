"""Figures of a run of another host: drawn there, and copied to the exports folder here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dltui.core import paths
from dltui.core.errors import RunError, UsageError
from dltui.core.hosts import mirror, transfer
from dltui.core.hosts.link import Link
from dltui.core.rundir import place

MOST_FILES = 500
MOST_BYTES = 4 << 30
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}", re.ASCII)


def fetch_figures(
    link: Link, run: str, to: Path | None = None, draw: bool = True, formats: Sequence[str] | None = None
) -> Path:
    """Draw the figures of a run on its host, or take those that its worker has drawn, and copy them to a folder, by
    default exports/HOST-RUN. Returns the folder. Raises DltuiError.
    """
    host = link.host.name
    if draw:
        found = link.ask("export", seconds=None, run=run, formats=list(formats) if formats else None)
    else:
        found = link.ask("figures", run=run)
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, dict) or len(files) > MOST_FILES:
        raise RunError(f"{host} did not say which figures there are")
    copied = mirror.once(link, run)
    wanted = to or Path(paths.absolute("exports")) / copied.id.replace(":", "-")
    folder = place.free(wanted, copied)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, size in files.items():
            _check(host, name, size)
            if not transfer.fetch(link, folder / name, MOST_BYTES, do="figure", run=run, file=name):
                raise RunError(f"{name} is written anew on {host} faster than it is copied; try again when it is done")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; choose another with --to DIR") from None
    return folder


def _check(host: str, name: object, size: object) -> None:
    """Raise RunError for a name that could lead out of the folder, and for a file that would fill the disk."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RunError(f"{host} names a figure in a way that no file here is named")
    if type(size) is not int or not 0 <= size <= MOST_BYTES:
        raise RunError(f"{host}: {name} is too large to be copied")
