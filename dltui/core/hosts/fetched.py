"""Figures of a run of another host: drawn there, and copied to the exports folder here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dltui.core import paths
from dltui.core.errors import RunError, UsageError
from dltui.core.hosts import mirror, transfer
from dltui.core.hosts.link import Link
from dltui.core.rundir import place
from dltui.core.text import clean_line, plural

MOST_FILES = 500
MOST_BYTES = 256 << 20
"""A figure has less; the weights of a large model stay where its checkpoints are."""
MOST_NAMED = 5
"""Files that a line names."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}", re.ASCII)


class Fetched(NamedTuple):
    """The files that were copied, and the folder here in which they are."""

    folder: Path
    files: list[Path]


def fetch_figures(
    link: Link,
    run: str,
    to: Path | None = None,
    draw: bool = True,
    formats: Sequence[str] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Fetched:
    """Draw the figures of a run on its host, or take those that its worker has drawn, and copy them to a folder, by
    default exports/HOST-RUN. Files that are too large, or have other letters in their names than figures have, are left
    there, which `tell` gets as a line. Raises DltuiError.
    """
    host = link.host.name
    if draw:
        found = link.ask("export", seconds=None, run=run, formats=list(formats) if formats else None)
    else:
        found = link.ask("figures", run=run)
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, dict):
        raise RunError(f"{host} did not say which figures there are")
    taken = list(itertools.islice((name for name, size in files.items() if _is_taken(host, name, size)), MOST_FILES))
    if left := files.keys() - set(taken):
        tell(_left_line(host, found, sorted(left)))
    copied = mirror.once(link, run)
    folder = place.free(to or Path(paths.absolute("exports")) / copied.id.replace(":", "-"), copied)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in taken:
            if not transfer.fetch(link, folder / name, MOST_BYTES, do="figure", run=run, file=name):
                raise RunError(f"{name} is written anew on {host} faster than it is copied; try again when it is done")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; choose another with --to DIR") from None
    return Fetched(folder, [folder / name for name in taken])


def _is_taken(host: str, name: object, size: object) -> bool:
    """False for a name with other letters than those of figures, and for a file that is too large. Raises RunError for
    a name that leads out of the folder.
    """
    if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
        raise RunError(f"{host} names a figure {clean_line(repr(name), 80)}, which is no file of a folder")
    return bool(_NAME.fullmatch(name)) and type(size) is int and 0 <= size <= MOST_BYTES


def _left_line(host: str, found: Mapping[str, Any], names: Sequence[str]) -> str:
    named = ", ".join(clean_line(repr(name), 60) for name in names[:MOST_NAMED])
    more = f" and {plural(len(names) - MOST_NAMED, 'more file')}" if len(names) > MOST_NAMED else ""
    where = clean_line(found.get("folder", "its folder of figures"), 200)
    rule = f"up to {MOST_FILES} files of up to {MOST_BYTES >> 20} MB each, with names of letters, digits, dot, _ and -"
    return f"left on {host}: {named}{more} in {where}; fetched are {rule} alone"
