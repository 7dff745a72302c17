"""The trash: deleted runs that can be restored for a day, in a folder among the runs."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs, paths
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.liveness.certainty import certain_status
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import claim
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.lock import RunLock, is_held
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.status import Status


FORGOTTEN = 24 * 3600.0
"""The age in seconds at which a deleted run is removed for good, with the next deletion or when a screen is left."""

PATIENCE = 120.0
"""Seconds that a worker gets to draw the figures of a run that is to be deleted."""


def folder() -> Path:
    """The folder of the trash, among the runs, so that moving is a rename on one disk. Lists skip names with a dot."""
    return paths.runs_dir() / ".trash"


def discard(run: RunDirectory, with_: Path | None = None) -> Path:
    """Move a run that has ended out of the list; figures in the exports folder stay. Returns where it lies. It is
    restored together with the run that lies at `with_`.

    Raises UsageError for a live run or a run outside this home, RunError when the disk refuses.
    """
    check(run)
    held = _hold(run)
    try:
        _check_folder()
        stamp = with_.name.partition("-")[0] if with_ is not None else str(time.time_ns())
        place = folder() / f"{stamp}-{run.path.name}"
        run.path.rename(place)
    except OSError as error:
        hint = f"; delete it for good: dltui rm {clean_line(run.id)}" if fs.is_disk_full(error) else ""
        raise RunError(f"cannot delete {clean_line(run.path)}: {clean_line(error.strerror)}{hint}") from error
    finally:
        held.release()
    return place


def _hold(run: RunDirectory) -> RunLock:
    """Take the lock of the run, so that no worker begins while it is moved. A disk without locks has no workers
    either.
    """
    held = RunLock()
    try:
        # No file: no worker has ever begun, and the disk may have no room for one.
        if run.lock_path.exists():
            held.acquire(run.lock_path)
    except RunError as error:
        if is_held(run.lock_path):
            raise UsageError(str(error)) from None
    return held


def _check_folder() -> None:
    """Raise UsageError when the trash is a link, through which other files would be deleted."""
    if folder().is_symlink():
        raise UsageError(f"{folder()} is a link, and nothing is deleted through a link; remove it: rm {folder()}")
    folder().mkdir(mode=0o700, exist_ok=True)


def check(run: RunDirectory) -> None:
    """Raise UsageError for a run that may not be deleted. Where only a heartbeat can tell whether its worker lives,
    that is waited for, and a launcher that alone can tell is asked.
    """
    told = claim.read_told(run.path)
    if told is not None and not is_ours(run):
        host, there = clean_line(told.host), clean_line(run.id.partition(":")[2])
        raise UsageError(f"{clean_line(run.id)} is a copy; delete the run there: ssh {host} dltui rm {there}")
    reader, name = _read(run), clean_line(run.id)
    # A run that was preempted may wait in the queue of its launcher again.
    launching.refresh_all([(run, reader.status())])
    status = certain_status(reader)
    if not status.over:
        raise UsageError(f"{name} is {status.name}; first: dltui stop {name}")
    if not is_ours(run):
        raise UsageError(f"{clean_line(run.path)} is not in {paths.runs_dir()}: delete it yourself")
    why = kept(run)
    if why:
        raise UsageError(f"{name} is not deleted: {why}")


def status_of(run: RunDirectory) -> Status:
    """The status of the run at this moment."""
    return _read(run).status()


def _read(run: RunDirectory) -> RunReader:
    reader = RunReader(run)
    reader.refresh()
    return reader


def is_ours(run: RunDirectory) -> bool:
    """True if the run lies in this home itself, not linked in from elsewhere."""
    return not run.path.is_symlink() and run.path.resolve().parent == paths.runs_dir().resolve()


def kept(run: RunDirectory) -> str:
    """The reason why a run that has ended cannot be deleted: a worker holds it, or it cannot be read; "" if there is
    none.
    """
    if is_held(run.lock_path):
        return "its worker still holds it, for the figures or as a new attempt"
    try:
        run.run()
    except DltuiError as error:
        return f"{error}; if you want it gone: rm -r {shlex.quote(clean_line(run.path))}"
    return ""


def wait(run: RunDirectory) -> None:
    """Wait for a worker that only draws the figures of its run."""
    deadline = time.monotonic() + PATIENCE
    while is_held(run.lock_path) and time.monotonic() < deadline:
        time.sleep(0.05)


def restore(place: Path, run: RunDirectory) -> None:
    """Put a discarded run back to its place. Raises UsageError when there is another of its name by now."""
    if os.path.lexists(run.path):
        raise UsageError(f"there is another run {clean_line(run.id)} by now; the deleted one lies in {place}")
    try:
        place.rename(run.path)
    except OSError as error:
        raise RunError(f"cannot bring back {clean_line(run.id)}: {error.strerror}") from error


def undo(names: Sequence[str] = ()) -> list[str]:
    """Restore the runs of these names, by default those that were deleted together last. Returns their ids. Raises
    UsageError when there are none, or when another run has that name by now.
    """
    lying = _lying()
    unknown = [name for name in names if name not in {run for _, run, _ in lying}]
    if unknown or not lying:
        what = f"no run {clean_line(unknown[0], 80)} was" if unknown else "no run was"
        raise UsageError(f"{what} deleted with d on the screen in the last 24 hours; `dltui rm` deletes for good")
    last = max(stamp for stamp, _, _ in lying)
    # Of two of one name the newer one comes back.
    chosen = {run: place for stamp, run, place in lying if (run in names if names else stamp == last)}
    for run, place in chosen.items():
        restore(place, RunDirectory(paths.runs_dir() / run))
    return list(chosen)


def _lying() -> list[tuple[int, str, Path]]:
    """Deleted runs, the oldest first: when, the id, where."""
    found = []
    with contextlib.suppress(OSError):
        for place in [] if folder().is_symlink() else folder().iterdir():
            stamp, _, run = place.name.partition("-")
            if stamp.isdigit() and run:
                found.append((int(stamp), run, place))
    return sorted(found)


def empty(places: Iterable[Path] = (), now: float | None = None) -> None:
    """Delete these runs for good, and those that were deleted more than a day ago; failures are ignored."""
    doomed = list(places)
    if folder().is_symlink():
        return
    with contextlib.suppress(OSError):
        doomed += [path for path in folder().iterdir() if _age(path, time.time() if now is None else now) > FORGOTTEN]
    for place in doomed:
        shutil.rmtree(place, ignore_errors=True)
    # Fails while it holds deleted runs of another program that may still be restored.
    with contextlib.suppress(OSError):
        folder().rmdir()


def _age(place: Path, now: float) -> float:
    """The seconds since a run was deleted, from its name in the trash: a rename keeps the folder's own time."""
    stamp = place.name.partition("-")[0]
    return now - int(stamp) / 1e9 if stamp.isdigit() else 0.0


def delete(run: RunDirectory) -> None:
    """Delete a run for good, after its worker has drawn the figures. Raises RunError when it cannot be deleted,
    UsageError for a live run or a run outside this home.
    """
    if status_of(run).over:
        wait(run)
    try:
        # Out of the list first, so that a deletion that is cut short leaves no half run.
        place = discard(run)
    except RunError as error:
        if not fs.is_disk_full(error.__cause__ or error):
            raise
        place = _delete_in_place(run)
    empty([place])
    if place.exists():
        raise RunError(f"cannot delete all of {run.id}: the rest lies in {place}")


def _delete_in_place(run: RunDirectory) -> Path:
    """Delete a run on a disk that has no room for the trash, not even for a name. Returns where the rest of it lies."""
    held = _hold(run)
    place = fs.temp_name(run.path)
    try:
        run.path.rename(place)
    except OSError:
        place = run.path
        # Without it the folder is no run; and there is room again.
        with contextlib.suppress(OSError):
            run.run_json.unlink()
    finally:
        held.release()
    return place
