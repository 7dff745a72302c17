"""Everything that a training loop reports: events, heartbeat, predictions and checkpoints of a run directory."""

from __future__ import annotations

import errno
import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.rundir import checkpoint, launch, notes
from dltui.core.rundir import commands as command_files
from dltui.core.rundir.events import CheckpointSaved, Event, Logged
from dltui.core.text import clean_line
from dltui.core.train.steering import acknowledge, releases

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.contract.types import Array
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Heartbeat
    from dltui.core.rundir.log import EventLog
    from dltui.core.train.position import Snapshot

T = TypeVar("T")

RETRY_SECONDS = 2.0
TRIES = 5
"""Times that a write is tried again for which there is room and which the disk refuses."""


class NoRoomError(RunError):
    """A write that finds no room on the disk, in a process that has to go and cannot wait for some. `reason` says in a
    few words what is full.
    """

    def __init__(self, reason: str, folder: Path) -> None:
        super().__init__(f"{reason}: cannot write to {clean_line(folder)}; make room, then resume")
        self.reason = reason


class Journal:
    """The only writer of a run directory. While the disk is full the run is paused; other failures of the disk are
    waited out for a while.
    """

    def __init__(
        self,
        run: RunDirectory,
        log: EventLog,
        heartbeat: Heartbeat,
        attempt: int,
        quitting: Callable[[], bool] = lambda: False,
    ) -> None:
        self.run = run
        self.log = log
        self.heartbeat = heartbeat
        self.attempt = attempt
        self.obeys = {attempt}
        """The attempts whose commands are obeyed; one that names none is obeyed by each."""
        self.quitting = quitting
        self._unread: set[str] = set()
        """The ids of commands that cannot be read, each of which is told once."""
        self._refused: set[str] = set()
        """Places whose last write was given up: the next write there is not waited for."""

    def emit(self, event: Event, sync: bool = False) -> None:
        """Append an event; with `sync` it is on the disk on return."""
        self._insist(lambda: self.log.append(event, sync=sync))

    def phase(self, name: str, detail: str = "") -> None:
        self.heartbeat.phase(name, detail)

    def progress(self, step: int, epoch: int) -> None:
        self.heartbeat.progress(step, epoch)

    def totals(self, epochs: int, total_steps: int) -> None:
        self.heartbeat.totals(epochs, total_steps)

    def commands(self) -> list[command_files.Command]:
        """The pending commands. One that was meant for another attempt, or that no job of a launcher can obey, is
        recorded as ignored and left out.
        """
        problems: dict[str, str] = {}
        found = command_files.take(self.run.path, problems)
        for command_id, why in problems.items():
            if command_id not in self._unread:
                self._unread.add(command_id)
                self.emit(Logged("warning", f"a command was not obeyed: {why}"))
        return [command for command in found if not self._refuses(command)]

    def _refuses(self, command: command_files.Command) -> bool:
        problem = ""
        if command.attempt not in self.obeys:
            problem = command_files.meant_for_another(command.attempt, self.attempt)
        if not problem and releases(command.action, command.arguments):
            problem = launch.keeps_device(self.run.path)
        if problem:
            acknowledge(self, command, problem, *self.heartbeat.position)
            self.obeyed(command)
        return bool(problem)

    def obeyed(self, command: command_files.Command) -> None:
        """Remove a command that has been acknowledged in the log."""
        command_files.done(command)

    def keep(self, record: dict[str, Any]) -> None:
        """Keep what an epoch showed; a crash may cost the last of these, which only a replay misses."""
        write = functools.partial(notes.append_epoch, self.run.predictions_dir, record, self.attempt)
        self._unless_refused(write, f"replay of epoch {record['seq']}", "a replay shows the epoch before it")

    def commit(self, snapshots: list[Snapshot], files: dict[str, dict[str, Array]]) -> None:
        """Make progress permanent: first the log, then the predictions, then the checkpoints, oldest first. Without the
        log there is no run; the rest can be done without, and its place holds what was saved before."""
        from dltui.core.train import predictions

        self._insist(self.log.sync)
        for name, arrays in files.items():
            path = self.run.predictions_dir / f"{name}.npz"
            self._unless_refused(
                functools.partial(predictions.write, path, arrays), f"predictions {name}", "figures show those before"
            )
        for snapshot in snapshots:
            self._save(snapshot)

    def _save(self, snapshot: Snapshot) -> None:
        def save() -> checkpoint.CheckpointInfo:
            return checkpoint.save(
                self.run, snapshot.step, self.attempt, snapshot.state, snapshot.loop_state, snapshot.best
            )

        info = self._unless_refused(save, f"checkpoint at step {snapshot.step}", "the one before is good")
        if info is not None:
            self.emit(CheckpointSaved(info.name, snapshot.epoch, snapshot.step, snapshot.best, info.bytes))
            checkpoint.prune(self.run)

    def _unless_refused(self, action: Callable[[], T], what: str, instead: str) -> T | None:
        """Run a write; one that the disk refuses in the end costs a line in the log."""
        try:
            return self._insist(action, what.split()[0])
        except OSError as error:
            self.emit(Logged("error", f"{what} not saved: {error}; {instead}"))
            return None

    def _insist(self, action: Callable[[], T], place: str = "log") -> T:
        """Run a write. While the disk is full the run is paused, nothing is lost, and it is tried again; any other
        error may pass, too: it is tried again for a while, then raised."""
        phase = self.heartbeat.current_phase
        tries = 0
        while True:
            try:
                result = action()
            except OSError as error:
                tries += 1
                self._wait(error, tries, place)
            else:
                self._refused.discard(place)
                if tries:
                    self.heartbeat.phase(phase)
                return result

    def _wait(self, error: OSError, tries: int, place: str) -> None:
        """Wait before the next try of a write; raises where there is none."""
        if fs.is_disk_full(error):
            if self.quitting():
                raise NoRoomError(fs.no_room(error), self.run.path) from error
            detail = self._no_room(error)
        elif tries > TRIES or place in self._refused or self.quitting():
            self._refused.add(place)
            raise error
        else:
            detail = f"storage error ({error.strerror}) in {clean_line(self.run.path)}: tries again"
        self.heartbeat.phase("paused", detail)
        time.sleep(RETRY_SECONDS)

    def _no_room(self, error: OSError) -> str:
        """What is said while a write waits for room."""
        reason, where = fs.no_room(error), clean_line(self.run.path)
        if error.errno == errno.EFBIG:
            # The limit is that of this process, which it keeps.
            return f"{reason} in {where}; dltui kill, raise the limit (ulimit -f), dltui resume"
        if error.errno == errno.ENOSPC:
            reason = f"{reason}{self._free()}"
        return f"{reason} in {where}; goes on when there is room"

    def _free(self) -> str:
        try:
            free = fs.free_bytes(self.run.path)
        except OSError:
            return ": no room"
        return f": {free} B free" if free < fs.NO_LIMIT else ""
