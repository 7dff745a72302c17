"""Deleted runs that can still come back: a folder among the runs, emptied when whoever deleted them leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import paths
from dltui.core.errors import RunError, UsageError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory


FORGOTTEN = 24 * 3600.0
"""Seconds after which a deleted run that nobody cleared away is cleared away by the next one who leaves."""


def folder() -> Path:
    """Among the runs, which may be a disk of their own: moving is one rename. Lists skip names with a dot."""
    return paths.runs_dir() / ".trash"


def discard(run: RunDirectory) -> Path:
    """Move a run that has ended out of the list; figures in the exports folder stay. Returns where it lies.

    Raises UsageError for a live run or one that is not in this home, RunError when the disk refuses.
    """
    check(run)
    try:
        paths.ensure_private_dir(folder())
        place = folder() / f"{time.time_ns()}-{run.path.name}"
        run.path.rename(place)
    except OSError as error:
        raise RunError(f"cannot delete {clean_line(run.path)}: {error.strerror}") from error
    return place


def check(run: RunDirectory) -> None:
    """Raises UsageError for a run that may not be deleted."""
    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    name = clean_line(run.id)
    if not status.over:
        raise UsageError(f"{name} is {status.name}; first: dltui stop {name}")
    if run.path.resolve().parent != paths.runs_dir().resolve():
        raise UsageError(f"{clean_line(run.path)} is not in {paths.runs_dir()}: delete it yourself")


def restore(place: Path, run: RunDirectory) -> None:
    """Put a discarded run back where it was. Raises UsageError when there is another of its name by now."""
    if os.path.lexists(run.path):
        raise UsageError(f"there is another run {clean_line(run.id)} by now; the deleted one lies in {place}")
    try:
        place.rename(run.path)
    except OSError as error:
        raise RunError(f"cannot bring back {clean_line(run.id)}: {error.strerror}") from error


def empty(places: Iterable[Path] = (), now: float | None = None) -> None:
    """Delete these for good, and what somebody left behind a day ago; what resists stays."""
    doomed = list(places)
    with contextlib.suppress(OSError):
        doomed += [path for path in folder().iterdir() if _age(path, time.time() if now is None else now) > FORGOTTEN]
    for place in doomed:
        shutil.rmtree(place, ignore_errors=True)
    # Only once there is nothing in it that somebody else may want back.
    with contextlib.suppress(OSError):
        folder().rmdir()


def _age(place: Path, now: float) -> float:
    """Seconds since it was deleted, by its name: a rename does not touch the folder's own time."""
    stamp = place.name.partition("-")[0]
    return now - int(stamp) / 1e9 if stamp.isdigit() else 0.0


def delete(run: RunDirectory) -> None:
    """Raises RunError when it cannot be deleted, UsageError for a live run or one that is not in this home."""
    # Out of the list first, so that a deletion that is cut short leaves no half run.
    place = discard(run)
    empty([place])
    if place.exists():
        raise RunError(f"cannot delete all of {run.id}: the rest lies in {place}")
