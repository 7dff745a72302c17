"""Notes in a run directory that all figures of the run were drawn, and when."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.rundir import place, share

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory

NAME = "figures.json"


def done(run: RunDirectory, folder: Path) -> None:
    """Note that all figures of a run lie in a folder, if it is the run's own. A refusing disk costs only the note."""
    if place.untrusted_reason(run) or not _is_own(run, folder):
        return
    with contextlib.suppress(OSError), share.writing(run.run().get("share")):
        fs.write_atomic(run.path / NAME, json.dumps({"folder": str(folder), "time": time.time()}).encode(), sync=False)


def _is_own(run: RunDirectory, folder: Path) -> bool:
    try:
        return folder.resolve() == place.exports_folder(run).resolve()
    except (OSError, ValueError, RuntimeError):
        # A run.json of another hand may name a folder that no path can be: a NUL in it, a link to itself.
        return False


def done_since(run: RunDirectory, when: float) -> bool:
    """True if all figures were drawn after the unix time `when`."""
    try:
        return (run.path / NAME).stat().st_mtime >= when
    except OSError:
        return False
