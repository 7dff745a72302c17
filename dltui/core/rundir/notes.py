"""Notes in a run directory: that all figures of the run were drawn, and when; which seeds its series is to have; what
each epoch showed.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.rundir import place, share
from dltui.core.rundir.log import encode

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory

FIGURES = "figures.json"
SERIES = "series.json"
EPOCHS = "epochs.jsonl"
"""In the folder of the predictions: a line per epoch."""
EPOCH = "epoch_seen"
"""The type of its records."""
_MOST_BYTES = 1 << 20


def figures_done(run: RunDirectory, folder: Path, files: Iterable[Path] = ()) -> None:
    """Note that all figures of a run lie in a folder, and which files were drawn, if it is the run's own. A refusing
    disk costs only the note.
    """
    if place.untrusted_reason(run) or not _is_own(run, folder):
        return
    with contextlib.suppress(OSError), share.writing(run.run().get("share")):
        found = {"folder": str(folder), "time": time.time(), "files": sorted({path.name for path in files})}
        fs.write_atomic(run.path / FIGURES, json.dumps(found).encode(), sync=False)


def _is_own(run: RunDirectory, folder: Path) -> bool:
    try:
        return folder.resolve() == place.exports_folder(run).resolve()
    except (OSError, ValueError, RuntimeError):
        # A run.json of another hand may name a folder that no path can be: a NUL in it, a link to itself.
        return False


def figures_wanted(run: RunDirectory) -> None:
    """Remove the note before a run ends: figures that were drawn before do not show its end."""
    with contextlib.suppress(OSError):
        fs.FS.unlink(run.path / FIGURES)


def figures_drawn(run: RunDirectory) -> list[str]:
    """The names of the files that were drawn last; [] where no note names any."""
    try:
        found = json.loads(fs.read_limited(run.path / FIGURES, _MOST_BYTES))["files"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def figures_are_done(run: RunDirectory) -> bool:
    """True if all figures were drawn after the end of the run."""
    return paths.is_file(run.path / FIGURES)


def series_begun(run_dir: Path, seeds: Sequence[int]) -> None:
    """Note the seeds of a series in the folder of a new run of it: whoever makes its runs may be killed before all have
    been made. Raises OSError.
    """
    fs.write_new(run_dir / SERIES, json.dumps({"seeds": list(seeds)}).encode("ascii"))


def series_seeds(run_dir: Path) -> list[int]:
    """The seeds of a series of which not all runs were made; [] for other runs, and for a damaged note."""
    try:
        found = json.loads(fs.read_limited(run_dir / SERIES, _MOST_BYTES))["seeds"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [seed for seed in found if type(seed) is int] if isinstance(found, list) else []


def series_made(run_dir: Path) -> None:
    """Remove the note of a series that is whole."""
    with contextlib.suppress(OSError):
        fs.FS.unlink(run_dir / SERIES)


def append_epoch(folder: Path, record: dict[str, Any], attempt: int) -> None:
    """Add what an epoch showed, a record whose `seq` is the epoch, to the file in the folder of the predictions. Raises
    OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    fd = fs.FS.open(folder / EPOCHS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        # A line that a killed worker left unfinished stays a line of its own.
        fs.append_all(fd, b"\n" + encode({**record, "attempt": attempt}))
    finally:
        fs.FS.close(fd)
