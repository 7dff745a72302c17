"""Reads a run, during training and afterwards: everything that a screen, a line or a figure needs."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.errors import DltuiError, RunError
from dltui.core.machine import memory, process
from dltui.core.numbers import duration
from dltui.core.reading import launched
from dltui.core.reading.history import History
from dltui.core.reading.liveness.silence import Observations
from dltui.core.reading.status import INCOMPLETE, Status, as_told, status
from dltui.core.rundir import claim, commands, heartbeat, launch, lock, notes
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import Live, read_live, read_starting
from dltui.core.rundir.log import LogTail
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

NOT_STARTED = "its worker was never started; dltui resume starts it"
PREDICTIONS = ("validation-latest", "validation-best", "test")
_MOST_UNPACKED = 1 << 30
_DISK = frozenset((errno.EROFS, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO))
"""Errors of a disk that has failed or is read-only."""
_COMMON = {"ids", "split", "epoch"}
_ARRAYS = tuple(_COMMON | task.arrays for task in TASKS.values())
_CRASH = re.compile(rb"^Fatal Python error: ([^\n]{1,200})", re.MULTILINE)
_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
}


class RunReader:
    """A read-only view of a run directory. `refresh` follows the log; everything else is read from the disk
    when asked.
    """

    def __init__(self, run: RunDirectory | Path | str, most_points: int | None = None) -> None:
        """`most_points` bounds the training curve, as in `History`; without it every point is kept."""
        self.directory = run if isinstance(run, RunDirectory) else RunDirectory(run)
        self.history = History(most_points)
        self.clock = time.time
        self._tail = LogTail(self.directory.events_path)
        self._watch = claim.Watch()
        self._live: Live | None = None
        self.told: claim.Told | None = None
        """The word of the run's host at the last look, where the directory is a mirror."""
        self.in_doubt = False
        """At the last look only a heartbeat could tell whether the worker lives, and it was not watched for long
        enough: it may move any moment, or have stopped a moment ago."""
        self._predictions: dict[str, tuple[tuple[int, int], dict[str, Array]]] = {}

    @property
    def run(self) -> dict[str, Any]:
        """The request in run.json. Raises RunError, or NewerFormatError."""
        return self.directory.run()

    @property
    def labels(self) -> dict[str, Any]:
        return self.directory.labels()

    @property
    def bad_lines(self) -> int:
        """The number of damaged lines of the log so far."""
        return self._tail.bad_lines

    @property
    def unknown_lines(self) -> int:
        """The damaged lines of the log after the last checkpoint."""
        return self.history.unknown + self._tail.bad_tail

    def refresh(self) -> bool:
        """Read what was appended to the log; True when the history changed."""
        changed = False
        for records in self._tail.blocks():
            if self._tail.restarted and not changed:
                self.history = History(self.history.most_points)
            self.history.fold(records)
            changed = changed or self._tail.restarted or bool(records)
        if self._tail.restarted and not changed:
            # It is another file, and an empty one.
            self.history, changed = History(self.history.most_points), True
        changed = changed or self.history.damaged != self.bad_lines
        self.history.damaged = self.bad_lines
        return changed

    def live(self) -> Live | None:
        """The last heartbeat that could be read; None without one."""
        self._live = read_live(self.directory.path, self._live)
        self._watch.see(self._live)
        return self._live

    def status(self, now: float | None = None) -> Status:
        """The status of the run at this moment (or at the unix time `now`). Call `refresh` first."""
        return self.look(now)[0]

    def look(self, now: float | None = None) -> tuple[Status, Live | None]:
        """The status and the heartbeat that it is based on, read once."""
        live, self.in_doubt = self.live(), False
        self.told = claim.read_told(self.directory.path)
        if self.told is not None:
            return as_told(self.told, self.clock() if now is None else now), live
        unheard = live is None and heartbeat.is_there(self.directory.path)
        held = unheard and lock.is_held(self.directory.lock_path)
        found = claim.look_here(self.directory.path, live) if live else claim.Claim(held or None)
        age = claim.age(live) if live and now is None and self.clock is time.time else None
        now = self.clock() if now is None else now
        watch = found.watch or self._watch
        lost = self._lost(live, watch, now - live.time if age is None else age) if live and found.watch else ""
        alive = False if lost else found.alive
        if live and (alive is False or live.phase == "ended") and self._unfinished(live):
            # It may have ended between the look at its log and the look at its process.
            self.refresh()
        if live and alive is False and self._unfinished(live):
            seen = Observations(False, copied=found.copied) if found.copied else self._death_evidence(live, lost)
        else:
            redraw = self._redraw(live) if live and alive is False else ""
            seen = Observations(alive, watch.standing, watch.moved, age=age, redraw=redraw, unheard=unheard)
        away = launched.status(launch.read(self.directory.path), self.history, live, alive, now)
        return away or self._starting_status(live, alive) or status(self._asked(), self.history, live, now, seen), live

    def _lost(self, live: Live, watch: claim.Watch, age: float) -> str:
        """The reason why the worker of another machine, whose lock is free, counts as gone; "" while it may live."""
        quiet = claim.quiet(watch.standing, watch.moved, age)
        gone = quiet > claim.REMOTE_SECONDS
        watched = gone and watch.standing >= claim.WATCH_SECONDS
        self.in_doubt = not (watch.moved or watched or live.phase == "ended")
        return f"no heartbeat from {live.host} for {duration(quiet)}, and its lock is free" if gone else ""

    def _death_evidence(self, live: Live, lost: str) -> Observations:
        """The evidence for the cause of a worker's death."""
        here = live.boot_id == process.boot_id()
        killer = commands.killer(self.directory.path)
        crash = self._crash(live) or (self._last_disk() if here and live.phase != "ended" and not killer else "")
        return Observations(False, 0.0, False, crash, memory.oom_kills() if here else None, killer, lost=lost)

    def _last_disk(self) -> str:
        """The error of a disk on which a worker could not write its last word; "" when the disk works."""
        try:
            os.close(os.open(self.directory.worker_log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))
        except OSError as error:
            if error.errno in _DISK:
                where = clean_line(self.directory.path)
                return f"{clean_line(error.strerror).lower()}: nothing can be written to {where}; the worker ended"
        return ""

    def _redraw(self, live: Live) -> str:
        """The command that completes the figures of a dead worker; "" when they are complete, or it drew none."""
        ended = self.history.ended
        if ended is None or ended.refused or self.history.attempt is None or self._asked().get("draws") is False:
            return ""
        if (live.phase == "ended" and live.detail != INCOMPLETE) or notes.figures_are_done(self.directory):
            return ""
        return f"dltui export {clean_line(self.directory.id)}"

    def _starting_status(self, live: Live | None, alive: bool | None) -> Status | None:
        """The status of a worker that was started and has not reported yet; None when the heartbeat and the log
        suffice.
        """
        starting = read_starting(self.directory.path) if live is None or not alive else None
        if starting is None or (starting.is_older(live) if live else starting.time < self.history.ended_at):
            return None
        if live is not None and alive is None and (starting.creator or not process.alive(starting.process)):
            # The worker of another machine may live; one that was started here speaks for itself until it reports.
            return None
        if starting.creator:
            # It has some time to start the worker; dead, it will not.
            started = process.alive(starting.process) is not False or lock.is_held(self.directory.lock_path)
            return None if started else Status("interrupted", NOT_STARTED, "ended", starting.time)
        if process.alive(starting.process):
            return Status("starting", "the worker is being started", "starting", starting.time)
        held = lock.is_held(self.directory.lock_path)
        if held or process.alive(starting.process) is None or self.live() != live:
            return None
        return Status("interrupted", "the worker died before it began; see worker.log", "ended", starting.time)

    def _unfinished(self, live: Live) -> bool:
        return self.history.ended is None or live.attempt > self.history.ended_attempt

    def _asked(self) -> dict[str, Any]:
        try:
            return self.run
        except DltuiError:
            return {}

    def _crash(self, live: Live) -> str:
        """The crash message of the interpreter at the end of the worker's log; "" when there is none."""
        try:
            with fs.open_to_read(self.directory.worker_log) as file:
                size = file.seek(0, os.SEEK_END)
                # What earlier attempts printed is not about this one; a log that was cut starts anew.
                start = live.log_start if live.log_start <= size else 0
                file.seek(max(start, size - 65_536))
                found = list(_CRASH.finditer(file.read()))
        except OSError:
            return ""
        if not found:
            return ""
        words = clean_line(found[-1].group(1).decode("utf-8", "replace"), 100)
        return f"the worker crashed ({_SIGNALS.get(words, words)})"

    def predictions(self, which: str) -> dict[str, Array] | None:
        """The arrays of "validation-latest", "validation-best" or "test", None when they do not exist yet.

        The same object as long as the file is the same. Raises RunError when the file is damaged.
        """
        return self._arrays(which, _ARRAYS)

    def inside(self, which: str) -> dict[str, Array] | None:
        """The arrays of "heat-maps" or "embeddings", as `predictions`."""
        return self._arrays(which, (frozenset(("stamp",)),))

    def inside_of_test(self, which: str) -> tuple[dict[str, Array], dict[str, Array]] | None:
        """The arrays of "heat-maps" or "embeddings" and the test predictions that they may belong to; None until there
        are both. Raises RunError when a file is damaged.
        """
        predictions = self.predictions("test") if self.history.test else None
        arrays = self.inside(which) if predictions is not None else None
        return None if arrays is None or predictions is None else (arrays, predictions)

    def _arrays(self, which: str, needed: Sequence[Set[str]]) -> dict[str, Array] | None:
        path = self.directory.predictions_dir / f"{which}.npz"
        try:
            found = path.stat()
        except OSError:
            return None
        key = (found.st_mtime_ns, found.st_ino)
        if which not in self._predictions or self._predictions[which][0] != key:
            self._predictions[which] = (key, _load_arrays(path, needed))
        return self._predictions[which][1]


def _check_unpacked(path: Path) -> None:
    """Raise ValueError when the arrays would take more memory than predictions ever do: a small file can unpack to any
    size.
    """
    import zipfile

    with fs.open_to_read(path) as file, zipfile.ZipFile(file) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MOST_UNPACKED:
        raise ValueError(f"it unpacks to {size:,} bytes")


def _load_arrays(path: Path, needed: Sequence[Set[str]]) -> dict[str, Array]:
    import numpy as np

    try:
        _check_unpacked(path)
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except Exception as error:
        # A flipped bit can make it an encrypted one, of another compression, or of any size.
        raise RunError(f"{clean_line(path)} is damaged: {clean_line(error, 200)}") from error
    # Or end its list of arrays early.
    if not any(names <= found.keys() for names in needed):
        raise RunError(f"{clean_line(path)} is damaged: it lacks arrays")
    return found
