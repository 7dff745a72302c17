"""Everything that a training loop reports: events, heartbeat, predictions and checkpoints of a run directory."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.rundir import checkpoint
from dltui.core.rundir import commands as command_files
from dltui.core.rundir.events import CheckpointSaved, Event, Logged
from dltui.core.train import predictions

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Heartbeat
    from dltui.core.rundir.log import EventLog
    from dltui.core.train.position import Snapshot

T = TypeVar("T")

RETRY_SECONDS = 2.0


class Journal:
    """The only writer of a run directory. A full disk pauses the run here until there is room again."""

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
        self.quitting = quitting

    def emit(self, event: Event, sync: bool = False) -> None:
        """Append an event; with `sync` it is on the disk on return."""
        self._when_there_is_room(lambda: self.log.append(event, sync=sync))

    def phase(self, name: str, detail: str = "") -> None:
        self.heartbeat.phase(name, detail)

    def progress(self, step: int, epoch: int) -> None:
        self.heartbeat.progress(step, epoch)

    def totals(self, epochs: int, total_steps: int) -> None:
        self.heartbeat.totals(epochs, total_steps)

    def commands(self) -> list[command_files.Command]:
        return command_files.take(self.run.path)

    def obeyed(self, command: command_files.Command) -> None:
        """Remove a command that has been acknowledged in the log."""
        command_files.done(command)

    def commit(self, snapshots: list[Snapshot], files: dict[str, dict[str, Array]]) -> None:
        """Make progress permanent: first the log, then the predictions, then the checkpoints, oldest first."""
        self._when_there_is_room(self.log.sync)
        for name, arrays in files.items():
            path = self.run.predictions_dir / f"{name}.npz"
            self._when_there_is_room(functools.partial(predictions.write, path, arrays))
        for snapshot in snapshots:
            self._save(snapshot)

    def _save(self, snapshot: Snapshot) -> None:
        def save() -> checkpoint.CheckpointInfo:
            return checkpoint.save(
                self.run, snapshot.step, self.attempt, snapshot.state, snapshot.loop_state, snapshot.best
            )

        try:
            info = self._when_there_is_room(save)
        except OSError as error:
            self.emit(Logged("error", f"checkpoint at step {snapshot.step} not saved: {error}; the one before is good"))
            return
        self.emit(CheckpointSaved(info.name, snapshot.epoch, snapshot.step, snapshot.best, info.bytes))
        checkpoint.prune(self.run)

    def _when_there_is_room(self, action: Callable[[], T]) -> T:
        """Run a write; while the disk is full the run pauses and tries again, and nothing is lost."""
        phase = self.heartbeat.current_phase
        waited = False
        while True:
            try:
                result = action()
            except OSError as error:
                if not fs.is_disk_full(error):
                    raise
                if self.quitting():
                    raise RunError(
                        f"disk full: cannot write to {self.run.path}; free some space, then resume"
                    ) from error
                free = fs.free_bytes(self.run.path)
                self.heartbeat.phase(
                    "paused", f"disk full: {free} B free in {self.run.path}; goes on when there is room"
                )
                waited = True
                time.sleep(RETRY_SECONDS)
            else:
                if waited:
                    self.heartbeat.phase(phase)
                return result
