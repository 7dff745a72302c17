"""Trains a run again from its run directory, in a temporary place, and tells whether the same weights come out."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.analysis.trials.trial import pruned_at
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import start, trust
from dltui.core.lifecycle.proof import repetition
from dltui.core.machine.devices import cpu_count
from dltui.core.numbers import exact
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import lock
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.log import LogTail, encode
from dltui.core.text import clean_line
from dltui.core.worker import figures

if TYPE_CHECKING:
    from dltui.core.lifecycle.proof.repetition import Verdict

PREFIX = "verify-"
LOCK = ".lock"
"""The lock of a folder; the run in it may have any name that does not begin with a dot."""
YOUNG_SECONDS = 600.0
TICK = 0.2
PATIENCE = 20.0
"""Seconds that a worker may take to end when it is asked to."""
STEERING = ("set", "extend", "fit")


def refusal(reader: RunReader) -> str:
    """The line that says why a run cannot be repeated; "" when it can."""
    name, history, run = clean_line(reader.directory.id, 100), reader.history, reader.run
    status = reader.status()
    origin = run.get("fork") or {}
    if status.name == "stopped":
        pruned = pruned_at(status.name, status.why)
        how = f"pruned at epoch {pruned}" if pruned else f"stopped by hand at step {history.step:,}"
        return f"{name} was {how}: only runs that have finished are repeated"
    if status.name != "finished":
        return f"{name} is {status.name}: only runs that have finished are repeated"
    if origin:
        parent = clean_line(run.get("parent"), 100)
        return f"{name} begins with a checkpoint of {parent}, which it does not hold: dltui verify {parent}"
    if (run.get("twin") or {}).get("start"):
        return f"{name} begins with the weights of its twin, which it does not hold: verify the twin"
    why = not_again(run["config"], bool(history.added_epochs))
    if why:
        return f"{name} {why}"
    if history.ended is None or not history.ended.weights_sha256 or history.attempt is None:
        return f"{name} has no SHA-256 of its weights: it is of an earlier version"
    return ""


def not_again(config: Mapping[str, Any], extended: bool) -> str:
    """The reason why a finished run with this config is not repeated, as it goes on after its name; "" for most.
    `extended`: epochs were added to it.
    """
    if config.get("max_time"):
        return f"was trained for {exact(config['max_time'])} by the clock: that does not repeat its steps"
    if config.get("patience") and extended:
        return "was given more epochs, with which patience began to count again: that is not repeated"
    return ""


def verify(
    reader: RunReader,
    code: trust.Code = trust.AS_NAMED,
    tell: Callable[[str], None] = lambda text: None,
    instead: Mapping[str, Any] | None = None,
) -> Verdict:
    """Train a refreshed reader's run again and compare; ends early where the losses part. `instead` replaces fields of
    run.json. Raises UsageError for a run that cannot be repeated, RunError when it cannot be trained to its end here.
    """
    problem = refusal(reader)
    if problem:
        raise UsageError(problem)
    changed = {**trust.replaced(reader.directory, trust.catalog(reader.directory, code), code), **(instead or {})}
    try:
        with temporary_folder() as folder:
            again = RunReader(copy(reader, folder, changed))
            with running(again.directory) as worker:
                follow(again, worker, tell, lambda: _parted(reader, again))
            found = repetition.verdict(reader, again)
            if found.parting is None:
                check_finished(again, found)
            return found
    except OSError as error:
        raise RunError(f"cannot write to {paths.cache_dir()}: {clean_line(error.strerror or error, 200)}") from error


def check_finished(again: RunReader, found: Verdict) -> None:
    """Raise RunError for a repetition that was not trained to its end, whose weights prove nothing."""
    ended = again.history.ended
    if ended is None:
        raise RunError(f"{found.run} was not trained again: {again.status().why}")
    if ended.status == "failed":
        raise RunError(f"{found.run} cannot be trained again: {clean_line(ended.reason, 300)}{_said(found)}")
    if ended.status != "finished":
        at = f"at step {again.history.step:,}"
        raise RunError(f"{found.run} was not trained again: its worker was {clean_line(ended.status, 20)} {at}")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder in the cache, held by a lock. Folders of repetitions that were killed are removed."""
    cache = paths.cache_dir()
    paths.ensure_private_dir(cache)
    sweep(cache)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=cache) as name:
        held = lock.RunLock()
        held.acquire(Path(name) / LOCK)
        try:
            yield Path(name)
        finally:
            held.release()


def sweep(cache: Path) -> None:
    """Remove the folders of killed repetitions whose workers have ended too."""
    for left in cache.glob(f"{PREFIX}*"):
        held = any(lock.is_held(path) for path in (left / LOCK, *left.glob("*/lock")))
        with contextlib.suppress(OSError):
            # One of another host, whose locks may not show here, changes all the time.
            if not held and time.time() - fs.changed(left) > YOUNG_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _said(found: Verdict) -> str:
    said = [f"{one.name} {one.then} then, {one.now} now" for one in found.differences]
    return f" ({'; '.join(said)})" if said else ""


def copy(reader: RunReader, folder: Path, instead: Mapping[str, Any]) -> RunDirectory:
    """A new run directory below `folder` with the same request, and the commands that steered the run's plan."""
    run, attempt = reader.run, reader.history.attempt
    assert attempt is not None
    config = dict(run["config"])
    if not config.get("threads") and attempt.threads != cpu_count():
        config["threads"] = attempt.threads
    own: dict[str, Any] = {
        "exports": str(folder / "exports"),
        "formats": [figures.NONE],
        "loggers": [],
        "share": None,
        "twin": None,
    }
    # A trial of a sweep is not judged again: the others have gone on since.
    own |= {"sweep": None}
    request = {**run, "config": config, "created": time.time(), **instead, **own}
    target = RunDirectory.temporary(folder / reader.directory.id, request)
    steered = [record for record in LogTail(reader.directory.events_path).read() if _steers(record)]
    lines = [
        encode({key: value for key, value in {**record, "seq": number, "attempt": 1}.items() if key != "crc"})
        for number, record in enumerate(steered, 1)
    ]
    if lines:
        fs.write_new(target.events_path, b"".join(lines))
    return target


def _steers(record: Mapping[str, Any]) -> bool:
    return record.get("type") == "command_obeyed" and record.get("action") in STEERING


@contextmanager
def running(run: RunDirectory) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the run, which ends with the block."""
    log = start.open_log(run)
    try:
        worker = start.new_process(*start.worker_command(run), log)
    finally:
        os.close(log)
    try:
        yield worker
    finally:
        worker.terminate()
        try:
            worker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _parted(before: RunReader, again: RunReader) -> bool:
    return repetition.parting(before.history, again.history) is not None


def follow(
    again: RunReader, worker: subprocess.Popen[bytes], tell: Callable[[str], None], parted: Callable[[], bool]
) -> None:
    """Wait until the repetition has ended or has `parted`."""
    while True:
        over = worker.poll() is not None
        if again.refresh() and parted():
            break
        if again.history.ended is not None or over:
            break
        attempt = again.history.attempt
        if attempt is not None:
            tell(f"trains again: step {again.history.step:,} of {attempt.total_steps:,}")
        time.sleep(TICK)
    tell("")
