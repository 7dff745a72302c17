"""Tells whether the figures of a run were drawn to the end: a file of the run whose time says when."""

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
    """All figures of a run lie in a folder; noted where that is the run's own. A disk that refuses costs only that."""
    if place.stranger(run) or folder.resolve() != place.exports_folder(run).resolve():
        return
    with contextlib.suppress(OSError), share.writing(run.run().get("share")):
        fs.write_atomic(run.path / NAME, json.dumps({"folder": str(folder), "time": time.time()}).encode(), sync=False)


def done_since(run: RunDirectory, when: float) -> bool:
    """Whether they were drawn to the end after the unix time `when`."""
    try:
        return (run.path / NAME).stat().st_mtime >= when
    except OSError:
        return False
