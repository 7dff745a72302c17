"""Starts the worker of a run."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.catalog.framework_devices import list_devices, resolve
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.lifecycle import trust, warm
from dltui.core.lifecycle.launch import launching
from dltui.core.machine import priority
from dltui.core.machine.devices import Device, asked_for, each_of, hides_gpu, on_each, recorded, worker_environment
from dltui.core.rundir import claim, heartbeat, launch, share
from dltui.core.text import clean_line
from dltui.core.worker.ranks import RANK_PROCESS, gathering
from dltui.core.worker.waiting import device_queue

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory


_WORKERS: list[subprocess.Popen[bytes]] = []


def worker_command(run: RunDirectory, instead: Mapping[str, Any] | None = None) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a run's worker; `instead` replaces fields of run.json. Raises UsageError
    where this machine does not have its device.
    """
    instead = _on_this_machine(run, instead or {})
    asked = {**run.run(), **instead}
    device = recorded(asked["device"])
    command = [asked["python"], "-P", "-m", "dltui.core.worker.worker_process", str(run.path)]
    command += ["--instead", json.dumps(instead)] if instead else []
    return command, whole_environment(device)


def rank_command(run: RunDirectory, instead: Mapping[str, Any] | None = None) -> tuple[list[str], dict[str, str]]:
    """As `worker_command`, of a rank that a launcher starts: its worker is on another machine, or beside it."""
    asked = {**run.run(), **_on_this_machine(run, instead or {})}
    return [asked["python"], "-P", "-m", RANK_PROCESS], whole_environment(recorded(each_of(asked["device"])[0]))


def _on_this_machine(run: RunDirectory, instead: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that replace those of run.json, with a device of this machine: one whose choice was left open, or the
    GPU that today has the name of one that is not here. Raises UsageError.
    """
    device = instead.get("device") or run.run()["device"]
    word = asked_for({"device": device})
    if device.get("open"):
        return {**instead, "device": _chosen_here(run, word).record(word)}
    known = {one["uuid"] for one in each_of(device) if one.get("uuid")}
    if known and not known <= {one.uuid for one in list_devices()}:
        # Without one of that name the worker says what it lacks.
        with contextlib.suppress(UsageError):
            return {**instead, "device": resolve(str(device["name"])).record(word)}
    return dict(instead)


def _chosen_here(run: RunDirectory, word: str) -> Device:
    """The device of this machine that an open choice means, or those of all workers. Raises UsageError."""
    launcher = launch.chosen(run.path, run.run())
    wanted, workers = launch.device_word(launcher, word), launch.workers(launcher)
    # Where no driver tells of a GPU that is there, a framework is asked for it.
    catalog = trust.catalog(run) if hides_gpu() or sys.platform == "darwin" else None
    if workers > 1 and gathering.told() is None:
        # Such as when it is trained again here: then they are ranks of this machine.
        gpus = ",".join(f"cuda:{number}" for number in range(workers))
        return resolve(f"cpu:{workers}" if wanted == "cpu" else gpus, catalog)
    backend = catalog.backends.get(str(run.run().get("framework"))) if catalog else None
    return on_each(resolve(wanted, catalog, backend.kinds if backend else ()), workers)


def whole_environment(device: Device) -> dict[str, str]:
    """All environment variables of a worker that trains on `device`."""
    # Said in full, because the worker has another working directory and relative ones would move.
    places = {"DLTUI_HOME": paths.home(), "DLTUI_CACHE": paths.cache_dir(), "DLTUI_CONFIG": paths.config_file()}
    return {
        **os.environ,
        **{name: str(path) for name, path in places.items()},
        **worker_environment(device),
        "PYTHONUNBUFFERED": "1",
    }


def spawn_worker(
    run: RunDirectory, more_epochs: int = 0, options: Sequence[str] = (), instead: Mapping[str, Any] | None = None
) -> int:
    """Start the worker of a run, detached from this terminal, and return its pid; 0 where the run has another launcher
    than the default one, and its worker is no process of this one.

    `more_epochs` are trained beyond what was planned so far; `options` are more words of its command line; `instead`
    (of `trust.replaced`) holds in place of what run.json says. Raises RunError when it cannot be started, UsageError
    with the words of its launcher.
    """
    if launching.is_away(run):
        launching.begin(run, more_epochs, instead)
        return 0
    launching.begin_here(run)
    claim.wait_for_last(run.path)
    command, environment = worker_command(run, instead)
    command += ["--more-epochs", str(more_epochs)] if more_epochs else []
    command += options
    log = open_log(run)
    try:
        worker = warm.take(command, environment, run.worker_log) or new_process(command, environment, log)
    finally:
        os.close(log)
    # Kept and looked at again, so that a worker that ended does not stay a zombie of a long-lived screen.
    _WORKERS[:] = [worker, *(other for other in _WORKERS if other.poll() is None)]
    heartbeat.record_starting(run.path, worker.pid)
    return worker.pid


def open_log(run: RunDirectory) -> int:
    """Open the file for all that a worker prints. Raises RunError."""
    try:
        log = os.open(run.worker_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(log, share.file_mode(run.run().get("share")))
    except OSError as error:
        # A fork would lie on the same file system.
        hint = "" if error.errno == errno.EROFS else f"; dltui fork {clean_line(run.id)}"
        raise RunError(f"cannot write to {clean_line(run.path)}: {error.strerror}{hint}") from error
    return log


def new_process(
    command: list[str], environment: dict[str, str], log: int, what: str = "worker"
) -> subprocess.Popen[bytes]:
    """Start a worker, or another process, in a session of its own. Raises RunError, or UsageError where the home cannot
    be made.
    """
    try:
        return priority.start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=paths.made_home(),
            env=environment,
        )
    except OSError as error:
        raise RunError(f"cannot start the {what} with {command[0]}: {error.strerror}") from error


def queue_worker(
    run: RunDirectory, at_once: bool = False, more_epochs: int = 0, instead: Mapping[str, Any] | None = None
) -> int:
    """Like `spawn_worker`; the worker waits until every run before it in the queue of its device has ended. With
    `at_once` it does not wait, and runs that are queued after it wait for it from this moment on. Another launcher has
    a queue of its own.
    """
    if launching.is_away(run):
        return spawn_worker(run, more_epochs, (), instead)
    instead = _on_this_machine(run, instead or {})
    device = instead.get("device")
    order = device_queue.join(run, device)
    try:
        words = ("--queued", str(order), *(["--at-once"] if at_once else []))
        return spawn_worker(run, more_epochs, words, instead)
    except DltuiError:
        device_queue.leave(run, order, device)
        raise
