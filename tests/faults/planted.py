"""Bugs to plant: each switches one protection off, and the harness has to notice."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

from dltui.core import fs
from dltui.core.lifecycle import series
from dltui.core.machine import process
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint, checksum, lock, log
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.log import EventLog
from dltui.core.train import position
from dltui.core.train.position import Progress
from dltui.core.worker.journal import Journal
from dltui.core.worker.ranks.distributed import DistributedTrainable
from dltui.exports import write
from tests.faults.disk import Recorder

Bug = Callable[[], AbstractContextManager[Any]]


def patched(target: Any, **changes: Any) -> Bug:
    return lambda: mock.patch.multiple(target, **changes)


def _rename_unsynced(temp: Path, final: Path, locked: str = "") -> None:
    fs.FS.rename(temp, final)
    fs.FS.fsync_dir(final.parent)


def _write_new_unsynced(path: Path, data: bytes, sync: bool = True) -> None:
    fd = fs.FS.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    fs.append_all(fd, data)
    fs.FS.close(fd)


def _final_name(path: Path) -> Path:
    return path if path.parent.name == "checkpoints" else _temp_name(path)


def _write_in_place(path: Path, data: bytes, sync: bool = True) -> None:
    fd = fs.FS.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    fs.append_all(fd, data)
    fs.FS.fsync(fd)
    fs.FS.close(fd)
    fs.FS.fsync_dir(path.parent)


def _checkpoint_before_log(self: Journal, snapshots: Any, files: Any) -> None:
    for snapshot in snapshots:
        self._save(snapshot)
    _commit(self, [], files)


def _stale_line(self: EventLog, *arguments: Any) -> None:
    _begin_log(self, *arguments)
    self._fresh = True


def _without(prefix: str) -> Callable[..., Any]:
    def load_latest(*arguments: Any) -> Any:
        found = _load_latest(*arguments)
        for key in [key for key in found.state if key.startswith(prefix)] if found else ():
            del found.state[key]
        return found

    return load_latest


def _with(**changes: Any) -> Any:
    def from_json(state: dict[str, Any]) -> Progress:
        return _from_json(state | changes)

    return staticmethod(from_json)


def _keep_last(count: int) -> Callable[..., list[str]]:
    def prune(run: Any, keep: int = 2) -> list[str]:
        gone = checkpoint.list_checkpoints(run)[:-count]
        for path in gone:
            fs.remove_dir(path)
        return [path.name for path in gone]

    return prune


def _decode_unchecked(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
        int(record["seq"]), int(record["attempt"]), str(record["type"])
    except (ValueError, KeyError, TypeError):
        return None
    return dict(record)


def _read_unchecked(path: Path, file: str, expected: Any, most: int) -> bytes:
    return (path / file).read_bytes()


def _create_unfilled(
    run_id: str, run: dict[str, Any], fill: Callable[[RunDirectory], None] = lambda run: None
) -> RunDirectory:
    made = _create(run_id, run)
    fill(made)
    return made


@contextlib.contextmanager
def _no_workshop(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def _start_first(runs: Sequence[RunDirectory], at_once: bool, *others: Any) -> list[int]:
    """All of a new series, but one of those that are resumed."""
    started = runs if len(runs) == 3 else runs[:1]
    return _start_series(started, at_once) * (len(runs) // len(started))


_create, _start_series = RunDirectory.create, series.start
_commit, _begin_log, _temp_name = Journal.commit, EventLog.__init__, fs.temp_name
_load_latest, _from_json = checkpoint.load_latest, position.Progress.from_json

CRASHES: dict[str, Bug] = {
    "checkpoint renamed before its files are synced": patched(fs, commit_dir=_rename_unsynced),
    "file renamed before it is synced": patched(fs, write_new=_write_new_unsynced),
    "folders are not synced": patched(Recorder, fsync_dir=lambda self, path: None),
    "checkpoint written under its final name": patched(fs, temp_name=_final_name),
    "files written in place": patched(fs, write_atomic=_write_in_place),
    "checkpoint before the log": patched(Journal, commit=_checkpoint_before_log),
    "log is not synced": patched(EventLog, sync=lambda self: None),
    "new attempt writes on behind a torn line": patched(EventLog, __init__=_stale_line),
    "optimizer is not restored": patched(checkpoint, load_latest=_without("optimizer/")),
    "plan begins at the epoch's start": patched(Progress, from_json=_with(step_in_epoch=0)),
    "epoch's sums are not restored": patched(Progress, from_json=_with(sums={}, samples=0)),
    "best is forgotten": patched(Progress, from_json=_with(best=None)),
    "best checkpoint is pruned": patched(checkpoint, prune=_keep_last(2)),
    "half-written checkpoints are left": patched(checkpoint, _leftovers=lambda folder: []),
}
"""For sweeps of crashes."""

FLIPS: dict[str, Bug] = {
    "checkpoints are not checked": patched(checkpoint, _read_verified=_read_unchecked),
    "lines of the log are not checked": patched(log, decode=_decode_unchecked),
    "seals are not checked": patched(checksum, opened=lambda content: content),
    "one checkpoint is kept": patched(checkpoint, prune=_keep_last(1)),
}
"""For flipped bits."""

KILLS: dict[str, Bug] = {
    "random numbers are not restored": patched(checkpoint, load_latest=_without("rng/")),
    "optimizer is not restored": CRASHES["optimizer is not restored"],
    "plan begins at the epoch's start": CRASHES["plan begins at the epoch's start"],
    "best is forgotten": CRASHES["best is forgotten"],
    "checkpoint written under its final name": CRASHES["checkpoint written under its final name"],
}
"""For killed processes."""


def _first_rank_only(self: DistributedTrainable, state: Any) -> None:
    self._supervisor.request({0: ({"do": "load_state"}, state)})


RANKS: dict[str, Bug] = {
    # Each of the few epochs of their runs is better than the one before.
    **{name: bug for name, bug in KILLS.items() if name != "best is forgotten"},
    "only the first rank goes on from the checkpoint": patched(DistributedTrainable, load_state=_first_rank_only),
}
"""For killed ranks."""

AROUND: dict[str, tuple[str, Bug]] = {
    "tree": ("figures of a dead worker count as drawn", patched(RunReader, _redraw=lambda self, live: "")),
    "fork": (
        "fork has its name before its checkpoints",
        lambda: mock.patch.object(RunDirectory, "create", _create_unfilled),
    ),
    "figures": ("figures are drawn in place", patched(write, _workshop=_no_workshop)),
    "series": ("a series goes on with its first run", patched(series, start=_start_first)),
}
"""For what is around a worker, by the kind of kill."""

PROCESSES: dict[str, Bug] = {
    "the lock is ignored": patched(lock.RunLock, acquire=lambda self, path: None),
    "a process is its pid": patched(process, start_ticks=lambda pid: 1 if Path(f"/proc/{pid}").exists() else None),
}
"""For several workers, and for strangers."""
