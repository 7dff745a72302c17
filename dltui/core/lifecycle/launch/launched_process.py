"""Begins a run where its launcher has put it: `python -P -m dltui.core.lifecycle.launch.launched_process RUN_DIR`.

It chooses the device there, and becomes the worker, so that signals reach it; or another rank of the run, where the
launcher says so (`ranks.gathering`). It can be carried out again at any time: the run goes on from its last checkpoint,
and nothing happens when nothing is left to do.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.lifecycle import start
from dltui.core.machine import process
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import claim, heartbeat, launch, lock
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line
from dltui.core.worker.ranks import gathering

DONE = ("finished", "stopped")
LOCK_SECONDS = 120.0
"""A network disk keeps the lock of a machine that is gone for a while: NFS for 90 s."""


def worker(run_dir: Path) -> tuple[list[str], dict[str, str]] | None:
    """The command line and the environment of the worker, or the rank, to become here; None when nothing is left to
    do. Raises UsageError for a device that this machine does not have.
    """
    run = RunDirectory(run_dir)
    reader = RunReader(run)
    reader.refresh()
    record, history = launch.read(run.path), reader.history
    attempts = record.attempts if record else 0
    if history.ended is not None and history.ended.status in DONE and history.ended_attempt > attempts:
        return None
    if _is_rank():
        return start.rank_command(run, record.instead if record else None)
    command, environment = start.worker_command(run, record.instead if record else None)
    # A job that begins again has added its epochs already.
    if record and record.more_epochs and len(history.added_epochs) <= record.extensions:
        command += ["--more-epochs", str(record.more_epochs)]
    return command, environment


def _is_rank() -> bool:
    """True if the worker of the run is another process."""
    place = gathering.told()
    return place is not None and place.number > 0


def _wait_for_last(run_dir: Path) -> None:
    """Wait until the worker of the attempt before has let go of the run: it may draw its figures, leave a checkpoint on
    another machine, or be lost with its machine. Raises UsageError for one that stays alive.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            claim.wait_for_last(run_dir)
            break
        except UsageError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)
    deadline = time.monotonic() + LOCK_SECONDS
    while lock.is_held(run_dir / "lock") and time.monotonic() < deadline:
        time.sleep(0.1)


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    """Replace this process by the worker. Raises RunError where that cannot be started."""
    sys.stderr.flush()
    try:
        os.execve(command[0], command, environment)
    except OSError as error:
        where = f"{clean_line(command[0])} on {process.this_host()}"
        raise RunError(f"cannot start the worker with {where}: {clean_line(error.strerror)}") from error


def main(argv: list[str] | None = None) -> int:
    run_dir = Path((sys.argv[1:] if argv is None else argv)[0])
    try:
        found = worker(run_dir)
        if found is None:
            sys.stderr.write(f"{run_dir.name}: nothing is left to do\n")
            return 0
        if not _is_rank():
            _wait_for_last(run_dir)
            heartbeat.record_starting(run_dir, os.getpid())
        _become(*found)
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
