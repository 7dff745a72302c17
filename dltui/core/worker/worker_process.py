"""Trains a run in a separate process: `python -P -m dltui.core.worker.worker_process RUN_DIR`."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from dltui.core import fs
from dltui.core.errors import DltuiError, RunError
from dltui.core.machine.energy import Energy
from dltui.core.reading import last_row
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import share
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Logged
from dltui.core.rundir.heartbeat import DRAWN, Heartbeat, clear_starting, commands_before
from dltui.core.rundir.lock import RunLock
from dltui.core.rundir.log import EventLog
from dltui.core.text import clean_line
from dltui.core.worker import ending
from dltui.core.worker.attempt import Attempt
from dltui.core.worker.journal import NoRoomError
from dltui.core.worker.loggers import Loggers
from dltui.core.worker.ranks import gathering
from dltui.core.worker.waiting import device_queue, released

EXIT_CODES = {"finished": 0, "stopped": 0, "failed": 1, "preempted": 75, "interrupted": 130}


@dataclass(frozen=True)
class Task:
    """The instructions for a worker: `more_epochs` are added to its plan, `queued` is its order in the queue of its
    device, with `at_once` it does not wait there; `released` is the descriptor of the lock of one that has given
    its device back, `instead` replaces fields of run.json. With `debug` errors are raised.
    """

    debug: bool = False
    more_epochs: int = 0
    queued: int | None = None
    at_once: bool = False
    released: int | None = None
    instead: Mapping[str, Any] = field(default_factory=dict)


class TerminalClosed(KeyboardInterrupt):
    """The end of a worker in the foreground whose terminal is gone."""


def work(run: RunDirectory, task: Task | None = None) -> int:
    """Train the run to its end, also from its last checkpoint. Returns the exit code.

    Raises RunError when another worker holds the run.
    """
    task = task or Task()
    place = device_queue.Place(run, task.instead.get("device"))
    try:
        with share.writing(run.run().get("share")):
            return _work(run, place, task)
    finally:
        place.leave()


def _work(run: RunDirectory, place: device_queue.Place, task: Task) -> int:
    lock = RunLock()
    if task.released is None:
        lock.acquire(run.lock_path)
    else:
        lock.take_over(run.lock_path, task.released)
    # Commands to one that has given its device back were sent to the process that it was.
    old = commands_before(run.path) if task.released is None else ()
    reader = RunReader(run)
    reader.refresh()
    attempt = _attempt(run, reader, task)
    if task.debug:
        _notice_hangup()
    else:
        _listen(attempt)
    loggers = Loggers(run, attempt.asked.get("loggers") or (), attempt.number)
    if task.released is None:
        loggers.start()
    try:
        attempt.expire({record["id"] for record in reader.history.commands}, old)
        status = _train(attempt, place, task, loggers)
        if status == "released":
            status = _give_back(attempt, place, lock, task, loggers)
    except BaseException as error:
        if task.debug:
            _note(attempt, error)
            raise
        traceback.print_exc()
        status = _failed(attempt, error)
    if status:
        _leave(attempt, loggers, reader)
    return EXIT_CODES[status or "preempted"]


def _attempt(run: RunDirectory, reader: RunReader, task: Task) -> Attempt:
    """Begin an attempt in the run directory, which this process has locked. Raises what `_cannot_write` makes."""
    number = _number(reader)
    phase = "starting" if task.released is None else released.PHASE
    device = {**run.run(), **task.instead}.get("device") or {}
    energy = Energy.of(device, elsewhere=gathering.told() is not None)
    heartbeat = Heartbeat(run.path, number, energy=energy, phase=phase)
    last_row.forget(run)
    clear_starting(run.path)
    for folder in (run.path, run.control_dir, run.predictions_dir):
        fs.sweep(folder)
    try:
        log = EventLog(run.events_path, number)
    except OSError as error:
        raise _cannot_write(run, heartbeat, error) from error
    attempt = Attempt(run, reader.history, log, heartbeat, number, task.instead)
    if task.released is not None:
        # A command may come after the program was replaced for which it was sent.
        attempt.journal.obeys.add(number - 1)
    attempt.more_epochs = task.more_epochs
    return attempt


def _number(reader: RunReader) -> int:
    """The number of the attempt that begins: none that a viewer has seen, also not of one that died before it could log
    anything.
    """
    live = reader.live()
    return max(reader.history.attempts_started, live.attempt if live else 0) + 1


def _leave(attempt: Attempt, loggers: Loggers, reader: RunReader) -> None:
    """Draw the figures, and say that the worker is done. What the disk of a run that has ended refuses changes nothing
    about it.
    """
    last_word = ""
    with contextlib.suppress(OSError, NoRoomError):
        last_word = attempt.export()
        if loggers.are_awaited:
            # A command may need the figures.
            attempt.journal.phase("exporting", DRAWN)
        for problem in loggers.finish():
            attempt.journal.emit(Logged("warning", problem))
    # The long part of leaving the row, before the last heartbeat: from then on others wait for the lock.
    with contextlib.suppress(OSError, DltuiError):
        reader.refresh()
    attempt.heartbeat.stop("ended", last_word)
    with contextlib.suppress(OSError):
        attempt.journal.log.close()
    if not last_word:
        last_row.write(reader)


def _give_back(attempt: Attempt, place: device_queue.Place, lock: RunLock, task: Task, loggers: Loggers) -> str:
    """Turn this process into one that waits without the device. Returns how the run ended where that cannot be."""
    attempt.heartbeat.phase("saving", "gives its device back")
    if not (task.debug or attempt.is_preempted()):
        # Those that stay are told how it ends.
        loggers.leave()
    place.leave()
    if task.debug:
        return attempt.stay_away("and a process in the foreground does not wait")
    if attempt.is_preempted():
        # The next program would not know of it.
        return attempt.stay_away("and the machine asked for its process back")
    try:
        released.become_waiting(attempt.run, lock, attempt.instead)
    except OSError as error:
        return attempt.stay_away(f"and no process can wait for it ({clean_line(error.strerror or error, 80)})")
    raise AssertionError("the process was not replaced")


def _train(attempt: Attempt, place: device_queue.Place, task: Task, loggers: Loggers) -> str:
    """Take the device, in its turn when the run is queued, and train."""
    if task.released is not None:
        ending = released.wait(place, attempt.journal, attempt.history, attempt.is_preempted)
        # Also those of a run that does not go on: they were told that it is paused.
        loggers.start()
        if ending is not None:
            return attempt.leave_queue(ending)
        attempt.heartbeat.phase("starting")
        return attempt.train()
    if task.queued is None:
        place.occupy()
        return attempt.train()
    place.take_up(task.queued)
    if task.at_once:
        place.begin()
        return attempt.train()
    ending = device_queue.wait(place, attempt.journal, attempt.is_preempted)
    return attempt.train() if ending is None else attempt.leave_queue(ending)


def _failed(attempt: Attempt, error: BaseException) -> str:
    """Record that the attempt failed. Returns "" where the machine asked for the process back, and the disk took no
    line about its end. Raises RunError where the disk fails otherwise.
    """
    try:
        if isinstance(error, NoRoomError):
            raise error
        return attempt.failed(error)
    except NoRoomError as refusal:
        reason = refusal.reason
    except OSError as refusal:
        if not attempt.is_preempted():
            raise _cannot_write(attempt.run, attempt.heartbeat, refusal) from refusal
        reason = _storage_error(refusal)
    attempt.heartbeat.stop("ended", f"preempted, which its log does not tell ({reason}),")
    return ""


def _note(attempt: Attempt, error: BaseException) -> None:
    """Record what ended a worker in the foreground, before it is raised there."""
    if isinstance(error, KeyboardInterrupt):
        closed = isinstance(error, TerminalClosed)
        attempt.heartbeat.stop("ended", "its terminal was closed" if closed else "ended by Ctrl-C")
        return
    _failed(attempt, error)
    attempt.heartbeat.stop("ended")


def _cannot_write(run: RunDirectory, heartbeat: Heartbeat, error: OSError) -> RunError:
    """Record in the last heartbeat, if possible, that the log cannot be written."""
    reason = _storage_error(error)
    heartbeat.stop("ended", reason)
    return RunError(f"cannot write to {clean_line(run.path)}: {reason}")


def _storage_error(error: OSError) -> str:
    return f"storage error ({clean_line(error.strerror or error, 80)})"


def _listen(attempt: Attempt) -> None:
    """Handle signals: Slurm, `timeout` and a shutdown end the run with a checkpoint; a closed terminal does not."""

    def preempt(signum: int, frame: FrameType | None) -> None:
        attempt.preempt()

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(name, preempt)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _notice_hangup() -> None:
    """Raise TerminalClosed when the terminal is closed, unless a hangup is ignored (nohup)."""

    def hang_up(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        raise TerminalClosed

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hang_up)


def main(argv: list[str] | None = None) -> int:
    faulthandler.enable()
    # Not USR1 or USR2, which Slurm uses: the stacks of a hanging worker go to worker.log.
    faulthandler.register(signal.SIGQUIT, all_threads=True)
    parser = argparse.ArgumentParser("python -P -m dltui.core.worker.worker_process")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("--more-epochs", type=int, default=0)
    parser.add_argument("--queued", type=int, metavar="ORDER")
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--released", type=int, metavar="DESCRIPTOR")
    parser.add_argument("--instead", type=json.loads, default={}, metavar="JSON")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    try:
        task = Task(
            options.debug, options.more_epochs, options.queued, options.at_once, options.released, options.instead
        )
        return work(RunDirectory(options.run_dir), task)
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    ending.leave(main())
