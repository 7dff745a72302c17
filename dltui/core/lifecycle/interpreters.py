"""Which runs need an interpreter that dltui has made for a framework: it must not go from under them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from dltui.core.errors import DltuiError
from dltui.core.machine import process
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory, list_runs


def users(environment: Path) -> list[str]:
    """The names of the runs that live, wait to begin or draw their figures with an interpreter of this environment, on
    any host of this disk.
    """
    return [run.id for run in list_runs() if _uses(run, environment)]


def _uses(run: RunDirectory, environment: Path) -> bool:
    reader = RunReader(run, most_points=64)
    try:
        # By its name: the path of the same folder may be another one today.
        if environment.name not in {Path(python).parent.parent.name for python in _interpreters(reader)}:
            return False
        reader.refresh()
    except (DltuiError, OSError):
        return False
    status = reader.status()
    return not status.over or status.phase == "exporting"


def _interpreters(reader: RunReader) -> Iterator[str]:
    """The interpreters of a run: that of its run.json, of its launcher's job, and of its process here."""
    record, live = launch.read(reader.directory.path), reader.live()
    yield str(reader.run.get("python"))
    yield str(record.instead.get("python") if record else "")
    if live is not None and process.alive(live.process):
        try:
            yield (psutil.Process(live.pid).cmdline() or [""])[0]
        except psutil.Error:
            return
